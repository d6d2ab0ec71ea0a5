import { addSeconds, type EpochSeconds } from "../../domain/time.ts";
import { type Keeper, requireRecord, updateRecord } from "./keeper.ts";

/** The first retry comes within two seconds, later ones within at most fifteen minutes. */
const BASE_SECONDS = 2;
const CAP_SECONDS = 900;

/** Seconds until the next try: exponential with full jitter, never less than what the other side asked for. */
export function backoffSeconds(failures: number, random: number, retryAfterSeconds: number): number {
  const ceiling = Math.min(CAP_SECONDS, BASE_SECONDS * 2 ** Math.min(failures, 20));
  return Math.max(1, Math.ceil(random * ceiling), retryAfterSeconds);
}

/** Counts a failed try and sets the alarm for the next; answers when that is. The provider is not held off by it. */
export function scheduleRetry(keeper: Keeper, retryAfterSeconds = 0): EpochSeconds {
  const { failures } = requireRecord(keeper);
  const delay = backoffSeconds(failures, randomFraction(keeper), retryAfterSeconds);
  const retryAt = addSeconds(keeper.deps.now(), delay);
  updateRecord(keeper, { failures: failures + 1, retryAt });
  keeper.state.wakeAt(retryAt * 1000);
  return retryAt;
}

/** A random number, 0 ≤ n < 1. */
export function randomFraction(keeper: Keeper): number {
  const bytes = keeper.deps.random(4);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32;
}
