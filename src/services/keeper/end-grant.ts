import { AppError } from "../../domain/errors.ts";
import { createProviderContext } from "../provider-context.ts";
import { setGrantAside, tryRevocation, type UnrevokedGrant, whileTrying } from "../try-revocation.ts";
import { recordDeeds, withDeeds } from "./audit-keeper.ts";
import { type Keeper, openSecret, requireRecord, updateRecord } from "./keeper.ts";
import type { Erasure, KeeperRecord } from "./keeper-state.ts";
import { setNextAlarm } from "./next-alarm.ts";

/** True when the connection's provider can end a grant at all. */
export function isRevocable(keeper: Keeper): boolean {
  return keeper.deps.providers.find(requireRecord(keeper).binding.provider)?.revoke != null;
}

/** Sets the grant of a disconnected connection aside by its newest secret, sealed; it takes the place of an older one. */
export function keepForRevocation(keeper: Keeper, erasure: Erasure, sealed: string | null): void {
  const unrevoked = sealed === null ? null : setGrantAside(sealed, keeper.deps.now());
  updateRecord(keeper, { erasure: { ...erasure, grantAside: true, unrevoked } });
  setNextAlarm(keeper);
}

/**
 * Ends the grant that was set aside, if a try is due. The provider being away keeps nobody waiting: the alarm tries
 * again for a day, and it is said when the grant lives on after that, or when the provider refuses.
 */
export async function endGrant(keeper: Keeper): Promise<void> {
  const { erasure } = requireRecord(keeper);
  const grant = erasure?.unrevoked ?? null;
  if (grant === null || grant.retryAt > keeper.deps.now()) return;
  replaceGrant(keeper, grant, whileTrying(grant, keeper.deps.now()));
  const { waiting, problem } = await tryRevocation(keeper.deps, grant, () => revoke(keeper, grant));
  // Not `connection.disconnected`, which happened once, when the row went.
  const detail = { change: "revocation", reason: problem };
  const told = problem === null ? {} : withDeeds(keeper, { action: "connection.updated", outcome: "failure", detail });
  replaceGrant(keeper, grant, waiting, told);
  await recordDeeds(keeper);
}

/** Leaves a newer one alone, which came while the older was tried. */
function replaceGrant(
  keeper: Keeper,
  grant: UnrevokedGrant,
  next: UnrevokedGrant | null,
  told: Pick<KeeperRecord, "unrecorded"> = {},
): void {
  const { erasure } = requireRecord(keeper);
  const isReplaced = erasure !== null && erasure.unrevoked?.sealed === grant.sealed;
  updateRecord(keeper, { ...told, ...(isReplaced && { erasure: { ...erasure, unrevoked: next } }) });
  setNextAlarm(keeper);
}

/** Unless another live connection holds the same grant and would die with it. */
async function revoke(keeper: Keeper, { sealed }: UnrevokedGrant): Promise<void> {
  const { binding } = requireRecord(keeper);
  const provider = keeper.deps.providers.find(binding.provider);
  if (provider?.revoke == null || (await keeper.deps.connections.hasOtherLiveGrant(binding))) return;
  const secret = await openSecret(keeper, binding, sealed);
  if (secret === null) throw new AppError("misconfigured", "The key it was sealed with was retired.");
  const scope = { userId: binding.ownerId, workspaceId: binding.workspaceId };
  await provider.revoke(secret, await createProviderContext(keeper.deps, provider, scope));
}
