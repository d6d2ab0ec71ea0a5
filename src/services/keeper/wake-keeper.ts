import type { ConnectionBinding } from "../../domain/connection.ts";
import { isAppError } from "../../domain/errors.ts";
import { recordDeeds } from "./audit-keeper.ts";
import { endGrant } from "./end-grant.ts";
import { type Keeper, openRecord, requireRecord, updateRecord } from "./keeper.ts";
import type { KeeperRecord } from "./keeper-state.ts";
import { isOwing, nextWake, setNextAlarm } from "./next-alarm.ts";
import { CALLER_WAIT_MS, joinRun } from "./refresh-connection.ts";
import { scheduleRetry } from "./schedule-retry.ts";
import { settleEscrow } from "./settle-escrow.ts";

/** If this life ends inside the handler, the next one starts this much later. */
const RESUME_MS = 30_000;

/** Does whatever is due: tell the audit log, finish an erasure, end a grant, settle an escrow, refresh. Failures set the next alarm. */
export async function wakeKeeper(keeper: Keeper): Promise<void> {
  const record = keeper.state.read();
  const now = keeper.deps.now();
  if (record === null || nextWake(record, now) === null) return;
  // An alarm whose handler dies is not run again once it has set a time itself: so the time comes first.
  keeper.state.wakeAt(now * 1000 + RESUME_MS);
  try {
    await recordDeeds(keeper);
    await settleEscrow(keeper);
    await endGrant(keeper);
    if (isRefreshOwed(keeper)) await joinRun(keeper, false);
  } catch (error) {
    if (!isAppError(error)) throw error;
  } finally {
    goOn(keeper);
  }
}

/** Wakes a keeper that may have slept through its alarm, or has a new owner. */
export async function nudgeKeeper(keeper: Keeper, binding: ConnectionBinding): Promise<void> {
  if (!keeper.state.read()?.erasure) {
    const record = openRecord(keeper, binding);
    // Postgres holds past due what this keeper thinks is well: whatever it knows of the row is not so.
    if (isIdle(keeper, record)) updateRecord(keeper, { version: null, retryAt: keeper.deps.now() });
  }
  // A slow provider must not hold up the sweep: the work goes on without it.
  await Promise.race([wakeKeeper(keeper), keeper.deps.sleep(CALLER_WAIT_MS)]);
}

function isIdle(keeper: Keeper, record: KeeperRecord): boolean {
  return record.status === "active" && !isOwing(record) && record.retryAt === null && !isRefreshOwed(keeper);
}

/** The alarm refreshes a little before a caller would ask for it. */
function isRefreshOwed(keeper: Keeper): boolean {
  const { erasure, status, intent, dueAt, retryAt } = requireRecord(keeper);
  const now = keeper.deps.now();
  if (erasure !== null || status === "reauth_required") return false;
  if (retryAt !== null) return retryAt <= now;
  return intent !== null || (dueAt !== null && dueAt <= now);
}

/** Sets the next alarm; one that could not do what it came for must not come again at once. */
function goOn(keeper: Keeper): void {
  const now = keeper.deps.now();
  const next = nextWake(requireRecord(keeper), now);
  if (next !== null && next <= now) scheduleRetry(keeper);
  else setNextAlarm(keeper);
}
