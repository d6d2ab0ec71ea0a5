import { isJsonObject, type JsonObject } from "../../domain/json.ts";
import type { Acquired } from "../../providers/provider.ts";

/** What a provider gave, as it was held; null when it is not that. */
export function readAcquired(held: JsonObject): Acquired | null {
  const { secret, account, upstreamAccount, scopes, metadata } = held;
  if (!isJsonObject(secret) || typeof account !== "string" || !Array.isArray(scopes)) return null;
  return {
    secret,
    account,
    upstreamAccount: typeof upstreamAccount === "string" ? upstreamAccount : null,
    scopes: scopes.map(String),
    ...(isJsonObject(metadata) && { metadata }),
  };
}
