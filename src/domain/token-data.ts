import type { GrantId } from "./ids.ts";
import { isJsonObject, type JsonObject, readText } from "./json.ts";
import { type EpochSeconds, epochSeconds } from "./time.ts";

/**
 * The whole secret of a connection, as the store holds it: the seed's flat `token_data`
 * (`access_token`, `refresh_token`, `expires_at` in epoch seconds, …) and two fields of ours,
 * `grant` (minted at each consent, connect or store) and `issued_at` (epoch seconds).
 */
export type SecretData = JsonObject;

/** What a caller may see of a secret. */
export type TokenData = JsonObject;

/** A usable credential, as it is cached and answered. */
export interface Credential {
  readonly tokenData: TokenData;
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds | null;
  readonly version: number;
}

/** Stamps a secret with its grant, and with the time it was obtained unless it says itself when it was issued. */
export function stampSecret(secret: SecretData, grant: GrantId, obtainedAt: EpochSeconds): SecretData {
  return { ...secret, grant, issued_at: readTime(secret["issued_at"]) ?? obtainedAt };
}

export function grantOf(secret: SecretData): string | null {
  return readText(secret, "grant");
}

/** `expires_at` as a time; null when unknown. Older writers stored floats and decimal strings. */
export function expiryOf(secret: SecretData): EpochSeconds | null {
  return readTime(secret["expires_at"]);
}

/** `issued_at`, or a time 1 hour before expiry for a secret another system wrote, or 0. */
export function issuedAtOf(secret: SecretData): EpochSeconds {
  const ASSUMED_LIFE_SECONDS = 3600;
  return readTime(secret["issued_at"]) ?? epochSeconds(Math.max((expiryOf(secret) ?? 0) - ASSUMED_LIFE_SECONDS, 0));
}

/** The credential in a secret: only the `exposed` fields leave the broker. */
export function credentialOf(secret: SecretData, version: number, exposed: readonly string[]): Credential {
  const tokenData = Object.fromEntries(exposed.flatMap((name) => (name in secret ? [[name, secret[name]]] : [])));
  const expiresAt = expiryOf(secret);
  if ("expires_at" in tokenData && expiresAt !== null) tokenData["expires_at"] = expiresAt;
  return { tokenData, issuedAt: issuedAtOf(secret), expiresAt, version };
}

/** The credential in `value` as a cache held it; null when it is not one. */
export function readCredential(value: unknown): Credential | null {
  if (!isJsonObject(value) || !isJsonObject(value["tokenData"])) return null;
  const issuedAt = readTime(value["issuedAt"]);
  const version = value["version"];
  if (issuedAt === null || typeof version !== "number") return null;
  return { tokenData: value["tokenData"], issuedAt, expiresAt: readTime(value["expiresAt"]), version };
}

function readTime(value: unknown): EpochSeconds | null {
  const seconds = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof seconds !== "number" || !Number.isFinite(seconds) || seconds <= 0) return null;
  try {
    return epochSeconds(seconds);
  } catch {
    return null; // A time outside the years 1970 to 9999 is as good as none.
  }
}
