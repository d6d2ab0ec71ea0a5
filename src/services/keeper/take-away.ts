import { isAppError } from "../../domain/errors.ts";
import type { SecretData } from "../../domain/token-data.ts";
import { createProviderContext } from "../provider-context.ts";
import { auditKeeper } from "./audit-keeper.ts";
import { type Keeper, openSecret, placeOf, requireRecord, updateRecord } from "./keeper.ts";
import type { Erasure } from "./keeper-state.ts";

/**
 * Takes away what is left of a disconnected connection: the row, which makes it unreadable, then the grant at the
 * provider, then the secret. What was done is not done again.
 *
 * @throws `database_unavailable` or `vault_unavailable`; doing it again goes on where it stopped.
 */
export async function takeAway(keeper: Keeper): Promise<void> {
  await takeRowAway(keeper);
  await takeGrantDown(keeper);
  await takeSecretAway(keeper);
}

async function takeRowAway(keeper: Keeper): Promise<void> {
  if (requireErasure(keeper).rowGone) return;
  const { binding } = requireRecord(keeper);
  await keeper.deps.connections.disconnect(binding);
  mark(keeper, { rowGone: true });
  await auditKeeper(keeper, binding, "connection.disconnected", "success", {}, requireErasure(keeper).by);
}

/** Revokes at the provider, unless another live connection holds the same grant and would die with it. */
async function takeGrantDown(keeper: Keeper): Promise<void> {
  if (requireErasure(keeper).revoked) return;
  const secret = await readNewest(keeper);
  if (secret !== null) await revoke(keeper, secret);
  mark(keeper, { revoked: true });
}

/** Revokes a secret of a disconnected connection, also one that arrived after it was gone. */
export async function revoke(keeper: Keeper, secret: SecretData): Promise<void> {
  const { binding } = requireRecord(keeper);
  const provider = keeper.deps.providers.find(binding.provider);
  if (provider?.revoke == null || (await keeper.deps.connections.hasOtherLiveGrant(binding))) return;
  const scope = { userId: binding.ownerId, workspaceId: binding.workspaceId };
  try {
    await provider.revoke(secret, await createProviderContext(keeper.deps, provider, scope));
  } catch (error) {
    if (!isAppError(error)) throw error;
    // The provider being away must not keep the secret alive here; what is lost is its own, earlier end of the grant.
    await auditKeeper(keeper, binding, "connection.disconnected", "failure", { revocation: error.code });
  }
}

async function takeSecretAway(keeper: Keeper): Promise<void> {
  if (requireErasure(keeper).secretGone) return;
  const { binding, version, escrow } = requireRecord(keeper);
  await keeper.deps.secrets.erase(placeOf(keeper, binding));
  // Nobody asks for these copies any more, since the row is gone; they need not live to their end all the same.
  for (const copy of new Set([version, escrow?.writtenVersion ?? null])) {
    if (copy !== null) await keeper.deps.credentialCache.purge(binding, copy);
  }
  mark(keeper, { secretGone: true });
  updateRecord(keeper, { escrow: null, intent: null, untold: null, grant: null, version: null });
  updateRecord(keeper, { dueAt: null, failures: 0, retryAt: null, heldOffUntil: null });
}

/** The escrow's secret, which is newer than any stored one, or the stored one. */
async function readNewest(keeper: Keeper): Promise<SecretData | null> {
  const { binding, escrow } = requireRecord(keeper);
  const escrowed = escrow === null ? null : await openSecret(keeper, binding, escrow.sealed);
  return escrowed ?? (await keeper.deps.secrets.read(placeOf(keeper, binding)))?.data ?? null;
}

function requireErasure(keeper: Keeper): Erasure {
  const { erasure } = requireRecord(keeper);
  if (erasure === null) throw new Error("nothing is being erased");
  return erasure;
}

function mark(keeper: Keeper, done: Partial<Erasure>): void {
  updateRecord(keeper, { erasure: { ...requireErasure(keeper), ...done } });
}
