import type { ConnectionId, WorkspaceId } from "./ids.ts";
import { readText } from "./json.ts";
import { type EpochSeconds, parseRfc3339, toRfc3339 } from "./time.ts";
import type { SecretData } from "./token-data.ts";

/** How many days before the end of what a person gave (a client secret) somebody is warned; each once. */
export const WARNING_DAYS = [30, 7, 1] as const;
const DAY_SECONDS = 86_400;

/** What a connection says of a credential that ends soon, or has ended. */
export interface EndWarning {
  readonly code: "client_secret_expiring" | "client_secret_expired";
  /** Safe to show. */
  readonly message: string;
  readonly expiresAt: EpochSeconds;
  /** Days that have begun count; 0 once it has ended. */
  readonly daysLeft: number;
}

/** A connection whose credential has come within `days` of its end. */
export interface EndingCredential {
  readonly connectionId: ConnectionId;
  readonly workspaceId: WorkspaceId;
  readonly provider: string;
  readonly expiresAt: EpochSeconds;
  readonly days: number;
}

/**
 * When what a person gave ends; null when the secret does not say.
 *
 * @param field Its name in the secret; undefined for a provider without one.
 */
export function credentialEndOf(secret: SecretData, field: string | undefined): EpochSeconds | null {
  const raw = field === undefined ? null : readText(secret, field);
  return raw === null ? null : parseRfc3339(raw);
}

/** Null while there is more than a month left, or nobody knows. */
export function warnOfEnd(expiresAt: EpochSeconds | null, now: EpochSeconds): EndWarning | null {
  if (expiresAt === null || expiresAt - now > Math.max(...WARNING_DAYS) * DAY_SECONDS) return null;
  const day = toRfc3339(expiresAt).slice(0, 10);
  const remedy = "make a new one and connect the account again with it.";
  if (expiresAt <= now) {
    const message = `The client secret expired on ${day}: ${remedy}`;
    return { code: "client_secret_expired", message, expiresAt, daysLeft: 0 };
  }
  const message = `The client secret expires on ${day}: ${remedy}`;
  return { code: "client_secret_expiring", message, expiresAt, daysLeft: Math.ceil((expiresAt - now) / DAY_SECONDS) };
}
