import { isAppError } from "../../domain/errors.ts";
import type { StoredSecret } from "../../domain/ports/secret-store.ts";
import { grantOf } from "../../domain/token-data.ts";
import { createEscrow } from "./escrow.ts";
import { type Keeper, requireRecord, updateRecord } from "./keeper.ts";
import { setNextAlarm } from "./next-alarm.ts";
import { settleEscrow } from "./settle-escrow.ts";

/**
 * Tells Postgres and the cache of a secret that was found in the store and is good as it is. Nothing to do for one they
 * know, except to end a series of failed tries. Never throws because a store is away: the alarm goes on.
 */
export async function adoptStored(keeper: Keeper, stored: StoredSecret): Promise<void> {
  const before = requireRecord(keeper);
  if (stored.version === before.version) return endTries(keeper);
  const grant = grantOf(stored.data);
  const obtainedAt = keeper.deps.now();
  const origin = { kind: "found", grant, obtainedAt, cas: stored.version, writtenVersion: stored.version } as const;
  const escrow = await createEscrow(keeper, origin, stored.data);
  const now = requireRecord(keeper);
  if (now.erasure !== null || now.escrow !== null || now.grant !== before.grant) return;
  updateRecord(keeper, { grant, escrow, failures: 0, retryAt: null });
  setNextAlarm(keeper);
  try {
    await settleEscrow(keeper);
  } catch (error) {
    if (!isAppError(error)) throw error;
  }
}

function endTries(keeper: Keeper): void {
  if (requireRecord(keeper).retryAt === null) return;
  updateRecord(keeper, { failures: 0, retryAt: null });
  setNextAlarm(keeper);
}
