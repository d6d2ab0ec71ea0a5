import type { ConnectionBinding } from "../../domain/connection.ts";
import { AppError, isAppError } from "../../domain/errors.ts";
import { createId } from "../../domain/ids.ts";
import type { NewSecret } from "../../domain/ports/keepers.ts";
import { stampSecret } from "../../domain/token-data.ts";
import { createEscrow, presumeCredential } from "./escrow.ts";
import {
  type Keeper,
  openRecord,
  placeOf,
  rememberCredential,
  requireConnected,
  requireRecord,
  updateRecord,
} from "./keeper.ts";
import { setNextAlarm } from "./next-alarm.ts";
import { settleEscrow } from "./settle-escrow.ts";

/**
 * Stores a secret a person brought: the newest consent wins over whatever is under way.
 *
 * @returns the secret's version.
 * @throws as `Keepers.store`.
 */
export async function storeSecret(keeper: Keeper, binding: ConnectionBinding, given: NewSecret): Promise<number> {
  try {
    await takeSecret(keeper, binding, given);
  } catch (error) {
    await clearTheWay(keeper);
    throw error;
  }
  try {
    await settleEscrow(keeper);
  } finally {
    // A disconnect meanwhile wins, over an answer and over an outage.
    requireNotEnded(keeper);
  }
  const { version } = requireRecord(keeper);
  await labelSecret(keeper, binding);
  return version ?? keeper.deps.secrets.readNewestVersion(placeOf(keeper, binding));
}

/** Puts the secret in escrow: from here on it is the connection's, whatever happens. */
async function takeSecret(keeper: Keeper, binding: ConnectionBinding, given: NewSecret): Promise<void> {
  openRecord(keeper, binding);
  const obtainedAt = keeper.deps.now();
  const grant = createId("grt", keeper.deps.random);
  const secret = stampSecret(given.secret, grant, obtainedAt);
  const escrow = await createEscrow(keeper, { kind: "consent", grant, obtainedAt, facts: given.facts }, secret);
  requireConnected(keeper);
  // Whatever an older call to the provider brings belongs to the old grant and is dropped; so are its failures.
  updateRecord(keeper, { grant, intent: null, escrow, failures: 0, retryAt: null, heldOffUntil: null });
  setNextAlarm(keeper);
  rememberCredential(keeper, presumeCredential(keeper, escrow, secret), secret);
}

/** A disconnect that has not yet come to the row would keep the account from being connected anew. */
async function clearTheWay(keeper: Keeper): Promise<void> {
  const { binding, erasure } = requireRecord(keeper);
  if (erasure === null || erasure.rowGone) return;
  try {
    await keeper.deps.connections.disconnect(binding);
  } catch (error) {
    if (!isAppError(error)) throw error;
    // The erasure goes on trying; until then the account cannot be connected anew.
  }
}

function requireNotEnded(keeper: Keeper): void {
  if (requireRecord(keeper).erasure === null) return;
  throw new AppError("conflict", "This connection was disconnected while it was being stored; connect it again.");
}

async function labelSecret(keeper: Keeper, binding: ConnectionBinding): Promise<void> {
  const labels = { connection: binding.id, provider: binding.provider, workspace: binding.workspaceId };
  try {
    await keeper.deps.secrets.label(placeOf(keeper, binding), labels);
  } catch (error) {
    if (!isAppError(error)) throw error;
    // The labels are for people who look into the store; without them only that view is poorer.
  }
}
