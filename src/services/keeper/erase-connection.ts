import type { ConnectionBinding } from "../../domain/connection.ts";
import { isAppError } from "../../domain/errors.ts";
import type { Disconnector } from "../../domain/ports/keepers.ts";
import { type Keeper, requireRecord } from "./keeper.ts";
import { type Erasure, newRecord } from "./keeper-state.ts";
import { setNextAlarm } from "./next-alarm.ts";
import { settleEscrow } from "./settle-escrow.ts";

const NOTHING_GONE: Omit<Erasure, "by"> = {
  rowGone: false,
  grantAside: false,
  secretGone: false,
  unrevoked: null,
};

/**
 * Ends a connection. The mark comes first, so that nothing under way can bring it back; then the row, which makes it
 * unreadable; then the secret and the grant at the provider. However many ask at once, each is done once. A provider
 * that is away delays nothing: it is asked again for a day.
 *
 * @returns `pending` while the secret store is away: the alarm goes on.
 * @throws `database_unavailable` while the row could not be taken away; the alarm goes on as well.
 */
export async function eraseConnection(
  keeper: Keeper,
  binding: ConnectionBinding,
  by: Disconnector,
): Promise<"erased" | "pending"> {
  const record = keeper.state.read() ?? newRecord(binding);
  keeper.state.write({ ...record, binding, erasure: record.erasure ?? { by, ...NOTHING_GONE }, retryAt: null });
  setNextAlarm(keeper);
  keeper.underWay.fallback = null;
  try {
    // A write that is already on its way lands first; afterwards the mark stops every other.
    await keeper.underWay.settling?.catch(() => undefined);
    await settleEscrow(keeper);
    return "erased";
  } catch (error) {
    if (!isAppError(error) || !requireRecord(keeper).erasure?.rowGone) throw error;
    return "pending";
  }
}
