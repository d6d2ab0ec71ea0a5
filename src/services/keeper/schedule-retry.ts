import { addSeconds, type EpochSeconds } from "../../domain/time.ts";
import { backoffSeconds, randomFraction } from "../backoff.ts";
import { type Keeper, requireRecord, updateRecord } from "./keeper.ts";

/** The pause this many failures allow is half a minute, and stays so for this many tries more: some two minutes. */
const HELD_AT_FAILURES = 4;
const HELD_TRIES = 8;

/** Counts a failed try and sets the alarm for the next; answers when that is. The provider is not held off by it. */
export function scheduleRetry(keeper: Keeper, retryAfterSeconds = 0): EpochSeconds {
  return setRetry(keeper, requireRecord(keeper).failures, retryAfterSeconds);
}

/** The same for what waits to be stored: readers get an older credential until then, so pauses grow later. */
export function scheduleSettling(keeper: Keeper, retryAfterSeconds = 0): EpochSeconds {
  const { failures } = requireRecord(keeper);
  const held = Math.max(Math.min(failures, HELD_AT_FAILURES), failures - HELD_TRIES);
  return setRetry(keeper, held, retryAfterSeconds);
}

/** @param failures What the pause is reckoned from. */
function setRetry(keeper: Keeper, failures: number, retryAfterSeconds: number): EpochSeconds {
  const delay = backoffSeconds(failures, randomFraction(keeper.deps.random), retryAfterSeconds);
  const retryAt = addSeconds(keeper.deps.now(), delay);
  updateRecord(keeper, { failures: requireRecord(keeper).failures + 1, retryAt });
  keeper.state.wakeAt(retryAt * 1000);
  return retryAt;
}
