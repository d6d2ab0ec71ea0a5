import { type ErrorCode, isAppError } from "../domain/errors.ts";
import { addSeconds, type EpochSeconds } from "../domain/time.ts";
import { backoffSeconds, randomFraction } from "./backoff.ts";
import type { Deps } from "./deps.ts";

/** A grant nobody will use any more, set aside until its provider has ended it. */
export interface UnrevokedGrant {
  /** What revokes it, sealed. */
  readonly sealed: string;
  readonly failures: number;
  readonly retryAt: EpochSeconds;
  readonly giveUpAt: EpochSeconds;
}

/** A day outlasts the outages of providers; nothing secret is kept for longer than that. */
const GIVE_UP_SECONDS = 86_400;
/** A try whose life ended is made again after this; none takes as long. */
const TAKE_OVER_SECONDS = 60;
/** These say nothing about the grant. Any other refusal is the provider's last word. */
const TRANSIENT: readonly ErrorCode[] = ["provider_unavailable", "rate_limited", "database_unavailable"];

/** Sets a grant aside, to be revoked at once. */
export function setGrantAside(sealed: string, now: EpochSeconds): UnrevokedGrant {
  return { sealed, failures: 0, retryAt: now, giveUpAt: addSeconds(now, GIVE_UP_SECONDS) };
}

/** The same grant while a try is under way: nobody else begins one, and the alarm takes over if this life ends. */
export function whileTrying(grant: UnrevokedGrant, now: EpochSeconds): UnrevokedGrant {
  return { ...grant, retryAt: addSeconds(now, TAKE_OVER_SECONDS) };
}

export interface RevocationOutcome {
  /** Null once there is nothing left to try. */
  readonly waiting: UnrevokedGrant | null;
  /** Why it was not revoked, when it never will be; null otherwise. */
  readonly problem: ErrorCode | null;
}

/**
 * Tries once to end a grant at its provider. A failure that may pass is tried again, later each time and for a day;
 * a refusal is not.
 *
 * @param revoke Resolves when there is nothing left to revoke; throws as `Provider.revoke`.
 */
export async function tryRevocation(
  deps: Pick<Deps, "now" | "random">,
  grant: UnrevokedGrant,
  revoke: () => Promise<void>,
): Promise<RevocationOutcome> {
  try {
    await revoke();
    return { waiting: null, problem: null };
  } catch (error) {
    const retryAt = nextTry(deps, grant, isAppError(error) ? (error.retryAfterSeconds ?? 0) : 0);
    // A bug is thrown, but keeps the secret no longer than an outage.
    if (!isAppError(error) && retryAt < grant.giveUpAt) throw error;
    const code = isAppError(error) ? error.code : "internal";
    if (!TRANSIENT.includes(code) || retryAt >= grant.giveUpAt) return { waiting: null, problem: code };
    return { waiting: { ...grant, failures: grant.failures + 1, retryAt }, problem: null };
  }
}

function nextTry(
  { now, random }: Pick<Deps, "now" | "random">,
  { failures }: UnrevokedGrant,
  retryAfterSeconds: number,
): EpochSeconds {
  return addSeconds(now(), backoffSeconds(failures, randomFraction(random), retryAfterSeconds));
}
