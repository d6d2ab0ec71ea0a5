import { recordDeeds, withDeeds } from "./audit-keeper.ts";
import { endGrant, isRevocable, keepForRevocation } from "./end-grant.ts";
import { type Keeper, openSecret, placeOf, requireRecord, sealSecret, updateRecord } from "./keeper.ts";
import { type Erasure, newRecord } from "./keeper-state.ts";

/**
 * Takes away what is left of a disconnected connection: the row, which makes it unreadable, then the secret. The grant
 * at the provider is ended on the way, or later, by a sealed copy that is kept for nothing else. What was done is not
 * done again; `connection.disconnected` is recorded once, when the row goes.
 *
 * @throws `database_unavailable` or `vault_unavailable`; doing it again goes on where it stopped.
 */
export async function takeAway(keeper: Keeper): Promise<void> {
  await takeRowAway(keeper);
  await putGrantAside(keeper);
  try {
    await takeSecretAway(keeper);
  } finally {
    await endGrant(keeper);
  }
}

async function takeRowAway(keeper: Keeper): Promise<void> {
  if (requireErasure(keeper).rowGone) return;
  const { binding } = requireRecord(keeper);
  await keeper.deps.connections.disconnect(binding);
  const erasure = { ...requireErasure(keeper), rowGone: true };
  const deed = { action: "connection.disconnected", outcome: "success", by: erasure.by } as const;
  updateRecord(keeper, { erasure, ...withDeeds(keeper, deed) });
  await recordDeeds(keeper);
}

/** Keeps what revokes the grant apart from the secret store, so that neither waits for the other. */
async function putGrantAside(keeper: Keeper): Promise<void> {
  if (requireErasure(keeper).grantAside) return;
  const { escrow } = requireRecord(keeper);
  const sealed = isRevocable(keeper) ? await sealNewest(keeper) : null;
  // A newer one came while we looked.
  if (requireRecord(keeper).escrow?.id !== escrow?.id) return putGrantAside(keeper);
  keepForRevocation(keeper, requireErasure(keeper), sealed);
}

async function takeSecretAway(keeper: Keeper): Promise<void> {
  if (requireErasure(keeper).secretGone) return;
  const { binding, version, escrow } = requireRecord(keeper);
  await keeper.deps.secrets.erase(placeOf(keeper, binding));
  // Nobody asks for these copies any more, since the row is gone; they need not live to their end all the same.
  for (const copy of new Set([version, escrow?.writtenVersion ?? null])) {
    if (copy !== null) await keeper.deps.credentialCache.purge(binding, copy);
  }
  const erasure = { ...requireErasure(keeper), secretGone: true };
  // The mark is all that stays, and what the audit log may not have heard of.
  keeper.state.write({ ...newRecord(binding), erasure, ...withDeeds(keeper) });
}

/** The escrow's secret, which is newer than any stored one, or the stored one; null when there is none. */
async function sealNewest(keeper: Keeper): Promise<string | null> {
  const { binding, escrow } = requireRecord(keeper);
  if (escrow !== null && (await openSecret(keeper, binding, escrow.sealed)) !== null) return escrow.sealed;
  const stored = await keeper.deps.secrets.read(placeOf(keeper, binding));
  return stored === null ? null : sealSecret(keeper, binding, stored.data);
}

function requireErasure(keeper: Keeper): Erasure {
  const { erasure } = requireRecord(keeper);
  if (erasure === null) throw new Error("nothing is being erased");
  return erasure;
}
