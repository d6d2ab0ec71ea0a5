import { addSeconds, type EpochSeconds } from "./time.ts";

/** When a credential was issued and when it stops working; `expiresAt` null = unknown. */
export interface Lifetime {
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds | null;
}

/** A credential with less than this left is refreshed before it is served. The seed's five minutes. */
export const REFRESH_MARGIN_SECONDS = 300;

/** Seconds before expiry at which a credential counts as due: five minutes, or half the life when that is shorter. */
export function marginSeconds(lifetime: Lifetime): number {
  if (lifetime.expiresAt === null) return 0;
  const life = Math.max(lifetime.expiresAt - lifetime.issuedAt, 0);
  return life <= REFRESH_MARGIN_SECONDS ? life / 2 : REFRESH_MARGIN_SECONDS;
}

/** True when the credential should be refreshed before it is served. Unknown expiry: only a caller's force can tell. */
export function isDue(lifetime: Lifetime, now: EpochSeconds): boolean {
  return lifetime.expiresAt !== null && now >= lifetime.expiresAt - marginSeconds(lifetime);
}

export function isExpired(lifetime: Lifetime, now: EpochSeconds): boolean {
  return lifetime.expiresAt !== null && now >= lifetime.expiresAt;
}

/** The jitter never takes more than this share of the life, nor more than a minute. */
const MAX_JITTER_SHARE = 0.1;
const MAX_JITTER_SECONDS = 60;

/**
 * When a refresh should run by itself: expiry − margin − jitter, never before half the life; null when expiry is unknown.
 *
 * @param random 0 ≤ random < 1: spreads connections that were made together.
 */
export function refreshDueAt(lifetime: Lifetime, random: number): EpochSeconds | null {
  if (lifetime.expiresAt === null) return null;
  const life = Math.max(lifetime.expiresAt - lifetime.issuedAt, 0);
  const jitter = random * Math.min(MAX_JITTER_SECONDS, life * MAX_JITTER_SHARE);
  const due = lifetime.expiresAt - marginSeconds(lifetime) - jitter;
  return addSeconds(lifetime.issuedAt, Math.max(due - lifetime.issuedAt, life / 2));
}
