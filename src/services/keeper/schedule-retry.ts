import { addSeconds, type EpochSeconds } from "../../domain/time.ts";
import { backoffSeconds, randomFraction } from "../backoff.ts";
import { type Keeper, requireRecord, updateRecord } from "./keeper.ts";

/** Counts a failed try and sets the alarm for the next; answers when that is. The provider is not held off by it. */
export function scheduleRetry(keeper: Keeper, retryAfterSeconds = 0): EpochSeconds {
  const { failures } = requireRecord(keeper);
  const delay = backoffSeconds(failures, randomFraction(keeper.deps.random), retryAfterSeconds);
  const retryAt = addSeconds(keeper.deps.now(), delay);
  updateRecord(keeper, { failures: failures + 1, retryAt });
  keeper.state.wakeAt(retryAt * 1000);
  return retryAt;
}
