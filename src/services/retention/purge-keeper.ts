import { bySystem } from "../../domain/call.ts";
import type { ConnectionBinding } from "../../domain/connection.ts";
import { isAppError } from "../../domain/errors.ts";
import type { Disconnector } from "../../domain/ports/keepers.ts";
import { recordDeeds } from "../keeper/audit-keeper.ts";
import type { Keeper } from "../keeper/keeper.ts";
import { type KeeperRecord, newRecord } from "../keeper/keeper-state.ts";
import { isOwing, setNextAlarm } from "../keeper/next-alarm.ts";
import { settleEscrow } from "../keeper/settle-escrow.ts";

/** Named only where a keeper never heard of the disconnect. */
const RETENTION: Disconnector = bySystem("retention");

/**
 * Takes apart the keeper of a connection that was soft-deleted long ago: finishes what its disconnect may have left open,
 * erases the secret once more, then every cached copy, then everything this keeper remembers.
 *
 * @returns `pending` while a store or the provider is away: the keeper keeps the mark, and its alarm goes on.
 */
export async function purgeKeeper(keeper: Keeper, binding: ConnectionBinding): Promise<"purged" | "pending"> {
  keeper.underWay.fallback = null;
  let record: KeeperRecord | null = markRetired(keeper, binding);
  setNextAlarm(keeper);
  try {
    // Another purge may mark the record anew while this one waits; the last look and the clearing are one step.
    for (; record !== null && isUnfinished(record); record = keeper.state.read()) {
      await settleEscrow(keeper);
      if (!(await recordDeeds(keeper))) return "pending";
      if (!(await keeper.deps.credentialCache.purgeAll(binding.id))) return "pending";
    }
    // The provider is asked for a day to end the grant; what does that is not thrown away before.
    if (record?.erasure?.unrevoked) return "pending";
    keeper.state.clear();
    return "purged";
  } catch (error) {
    if (!isAppError(error)) throw error;
    return "pending";
  }
}

/** Also while the audit log has something to hear: it outlives neither storage nor alarm. */
function isUnfinished(record: KeeperRecord): boolean {
  return isOwing(record) || (record.unrecorded ?? []).length > 0;
}

/** The row is gone for its users whatever this keeper thinks of it, and the secret is to be erased again. */
function markRetired(keeper: Keeper, binding: ConnectionBinding): KeeperRecord {
  const record = keeper.state.read() ?? newRecord(binding);
  const { by = RETENTION, grantAside = false, unrevoked = null } = record.erasure ?? {};
  const erasure = { by, rowGone: true, grantAside, secretGone: false, unrevoked };
  const retired: KeeperRecord = { ...record, binding, erasure, retryAt: null };
  keeper.state.write(retired);
  return retired;
}
