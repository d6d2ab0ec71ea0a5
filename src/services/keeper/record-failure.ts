import { type AppError, isAppError } from "../../domain/errors.ts";
import { recordDeeds, withDeeds } from "./audit-keeper.ts";
import { type Keeper, requireRecord, updateRecord } from "./keeper.ts";
import { setNextAlarm } from "./next-alarm.ts";
import { scheduleRetry } from "./schedule-retry.ts";
import { settleEscrow } from "./settle-escrow.ts";

/**
 * A try failed and may work later: the connection is degraded, and the alarm tries again.
 * The intent stays when nobody knows what the provider did with the call.
 */
export async function recordTrouble(keeper: Keeper, error: AppError): Promise<void> {
  const { status, intent, untold } = requireRecord(keeper);
  const retryAt = scheduleRetry(keeper, error.retryAfterSeconds);
  const isNew = status !== "degraded";
  const deed = { action: "connection.refresh_failed", outcome: "failure", detail: { reason: error.code } } as const;
  updateRecord(keeper, {
    ...(isNew && withDeeds(keeper, deed)),
    status: "degraded",
    intent: error.code === "provider_unavailable" ? intent : null,
    heldOffUntil: retryAt,
    untold: isNew ? { status: "degraded", lastError: error.code, refreshDueAt: retryAt } : untold,
  });
  if (!isNew) return;
  setNextAlarm(keeper);
  await tellRow(keeper);
  await recordDeeds(keeper);
}

/** The grant is dead: only a person can mend it. Told once; the cached copy of `version` goes. */
export async function recordRefusal(
  keeper: Keeper,
  version: number,
  reason: "grant_refused" | "outcome_unknown",
): Promise<void> {
  const { binding } = requireRecord(keeper);
  updateRecord(keeper, {
    ...withDeeds(keeper, { action: "connection.reauth_required", outcome: "failure", detail: { reason } }),
    status: "reauth_required",
    untold: { status: "reauth_required", lastError: reason, refreshDueAt: null },
    intent: null,
    dueAt: null,
    failures: 0,
    retryAt: null,
    heldOffUntil: null,
  });
  setNextAlarm(keeper);
  keeper.underWay.fallback = null;
  await keeper.deps.credentialCache.purge(binding, version);
  await tellRow(keeper);
  await recordDeeds(keeper);
}

/** Postgres being away changes nothing for callers: only the list shows the old status until the alarm has told it. */
async function tellRow(keeper: Keeper): Promise<void> {
  try {
    await settleEscrow(keeper);
  } catch (error) {
    if (!isAppError(error)) throw error;
  }
}
