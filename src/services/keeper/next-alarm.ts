import { addSeconds, type EpochSeconds } from "../../domain/time.ts";
import { type Keeper, requireRecord } from "./keeper.ts";
import type { KeeperRecord } from "./keeper-state.ts";

/** A provider may take this long before its answer counts as lost. */
export const PROVIDER_TIMEOUT_SECONDS = 60;
/** The alarm that takes over when this life ends before what it began is done. */
const TAKE_OVER_SECONDS = 5;

/**
 * When the keeper must wake next: never null while it has an escrow, an erasure, a call under way, a due time or
 * something to record.
 */
export function nextWake(record: KeeperRecord, now: EpochSeconds): EpochSeconds | null {
  const isTelling = (record.unrecorded ?? []).length > 0;
  const tellAt = isTelling ? addSeconds(now, TAKE_OVER_SECONDS) : null;
  const times = [nextWork(record, now), record.erasure?.unrevoked?.retryAt ?? null, tellAt];
  return times.filter((time) => time !== null).sort((one, other) => one - other)[0] ?? null;
}

function nextWork(record: KeeperRecord, now: EpochSeconds): EpochSeconds | null {
  if (record.erasure?.secretGone) return null;
  if (record.retryAt !== null) return record.retryAt;
  if (isOwing(record)) return addSeconds(now, TAKE_OVER_SECONDS);
  if (record.intent !== null) return addSeconds(record.intent.startedAt, PROVIDER_TIMEOUT_SECONDS + TAKE_OVER_SECONDS);
  return record.dueAt;
}

/** True while something is to be written to the stores, told to Postgres, or erased. */
export function isOwing({ erasure, escrow, untold }: KeeperRecord): boolean {
  return erasure === null ? escrow !== null || untold !== null : !erasure.secretGone;
}

/** Sets the alarm the record wants, at the earliest in a second. */
export function setNextAlarm(keeper: Keeper): void {
  const now = keeper.deps.now();
  const next = nextWake(requireRecord(keeper), now);
  if (next !== null) keeper.state.wakeAt(Math.max(next, now + 1) * 1000);
}
