import { AppError } from "../../domain/errors.ts";
import { isJsonObject, type JsonObject, readText } from "../../domain/json.ts";
import { scopeOf } from "../../domain/principal.ts";
import { requirePublicUrl } from "../../domain/public-url.ts";
import type { EpochSeconds } from "../../domain/time.ts";
import { expiryOf, issuedAtOf } from "../../domain/token-data.ts";
import { readExpiry } from "../../providers/answers.ts";
import type { Provider } from "../../providers/provider.ts";
import type { Deps } from "../deps.ts";
import type { Caller } from "../record-deed.ts";
import { type ConnectDeps, requireProvider } from "./connect-account.ts";
import { storeAndRecord } from "./record-connected.ts";
import type { Choice, Stored } from "./store-acquired.ts";

/** What a caller stores as it is, without asking the provider: the seed's `store_tokens_in_db`. */
export interface GivenTokens {
  readonly provider: string;
  readonly tokenData: JsonObject;
  readonly choice: Choice;
  readonly subscriptionName: string | null;
  readonly subscriptionId: string | null;
}

/** Times outside these are typing errors: milliseconds for seconds, or a year that has not come. */
const MAX_EXPIRY = 32_503_680_000;
/** What a URL parser takes for one that has a host, in its odd spellings too. */
const URL_LIKE = /^\s*([a-z][a-z0-9+.-]*:\/\/|(https?|wss?|ftp):)/i;

/**
 * Stores token data as given.
 *
 * @throws `not_found` for an unknown provider; `invalid_request` when the data lacks what the provider's kind needs,
 *         holds a URL that does not pass the guard, or another workspace's AWS external id.
 */
export async function storeTokenData(deps: ConnectDeps, caller: Caller, given: GivenTokens): Promise<Stored> {
  const provider = requireProvider(deps, given.provider);
  // Issued at some time before: an assumed life keeps the five minutes' margin for what is nearly over.
  const tokenData = withExpiry(given.tokenData, deps.now());
  const secret = { ...tokenData, ...subscriptionOf(given), issued_at: assumeIssued(deps, tokenData) };
  requireStorable(provider, secret);
  requirePublicUrls(deps.settings.publicUrl, secret);
  await requireOwnExternalId(deps, caller, secret);
  const acquired = {
    secret,
    account: given.subscriptionId ?? nameAccount(secret),
    // The same refresh token stored twice is one grant.
    upstreamAccount: readText(secret, "refresh_token"),
    scopes: (readText(secret, "scope") ?? "").split(/[ ,]/).filter((scope) => scope !== ""),
    metadata: given.subscriptionName === null ? {} : { subscription_name: given.subscriptionName },
  };
  return await storeAndRecord(deps, caller, provider, acquired, given.choice);
}

/** What the data says of its own issue is not believed: only that it was before now. */
function assumeIssued(deps: Pick<Deps, "now">, tokenData: JsonObject): number {
  const { issued_at: _, ...rest } = tokenData;
  return Math.min(issuedAtOf(rest), deps.now());
}

/** As connecting names it where it can be told from the data: accounts of two installations are never one. */
function nameAccount(secret: JsonObject): string {
  const url = readText(secret, "base_url");
  const parts = [url !== null && URL.canParse(url) ? new URL(url).host : null, readText(secret, "email")];
  return parts.filter((part) => part !== null).join("/");
}

/** A token answer may be stored as the provider gave it just now, with a life instead of an end. */
function withExpiry(tokenData: JsonObject, now: EpochSeconds): JsonObject {
  const { expires_in, ...rest } = tokenData;
  const expiresAt = readExpiry(expires_in, now);
  return expiresAt === null || "expires_at" in tokenData ? tokenData : { ...rest, expires_at: expiresAt };
}

function subscriptionOf({ subscriptionId, subscriptionName }: GivenTokens): JsonObject {
  return {
    ...(subscriptionId !== null && { subscription_id: subscriptionId }),
    ...(subscriptionName !== null && { subscription_name: subscriptionName }),
  };
}

/** @throws `invalid_request` when the provider cannot be used with this secret. */
export function requireStorable(provider: Provider, secret: JsonObject): void {
  const parsed = provider.storable.safeParse(secret);
  const details = (parsed.error?.issues ?? []).map(({ path, message }) => ({
    path: ["token_data", ...path.map(String)].join("."),
    message,
  }));
  const isTimeOdd = "expires_at" in secret && (expiryOf(secret) ?? MAX_EXPIRY) >= MAX_EXPIRY;
  if (isTimeOdd) details.push({ path: "token_data.expires_at", message: "must be a time in epoch seconds" });
  if (details.length === 0) return;
  throw new AppError("invalid_request", `This is not token data ${provider.name} can be used with.`, { details });
}

/** Every URL in the data, at any depth, must be one we may ever call. @throws `invalid_request` */
export function requirePublicUrls(publicUrl: string, value: unknown): void {
  if (typeof value === "string" && URL_LIKE.test(value)) {
    requirePublicUrl(value, { ownHosts: [new URL(publicUrl).hostname] });
  }
  if (Array.isArray(value)) for (const item of value) requirePublicUrls(publicUrl, item);
  if (isJsonObject(value)) for (const item of Object.values(value)) requirePublicUrls(publicUrl, item);
}

async function requireOwnExternalId(
  deps: Pick<Deps, "connections">,
  caller: Caller,
  secret: JsonObject,
): Promise<void> {
  if (!("external_id" in secret)) return;
  const own = await deps.connections.readAwsExternalId(scopeOf(caller.principal));
  if (secret["external_id"] !== own) {
    throw new AppError("invalid_request", "external_id must be the workspace's own; see its AWS links.");
  }
}
