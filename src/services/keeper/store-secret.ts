import type { ConnectionBinding } from "../../domain/connection.ts";
import { isAppError } from "../../domain/errors.ts";
import { createId } from "../../domain/ids.ts";
import type { NewSecret } from "../../domain/ports/keepers.ts";
import { stampSecret } from "../../domain/token-data.ts";
import { createEscrow, presumeCredential } from "./escrow.ts";
import { type Keeper, openRecord, placeOf, rememberCredential, requireConnected, updateRecord } from "./keeper.ts";
import { setNextAlarm } from "./next-alarm.ts";
import { settleEscrow } from "./settle-escrow.ts";

/**
 * Stores a secret a person brought: the newest consent wins over whatever is under way.
 *
 * @returns the secret's version.
 * @throws `vault_unavailable` or `database_unavailable`: the secret is in escrow and will be stored;
 *         `not_found` when the connection was disconnected meanwhile.
 */
export async function storeSecret(keeper: Keeper, binding: ConnectionBinding, given: NewSecret): Promise<number> {
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
  await settleEscrow(keeper);
  const { version } = requireConnected(keeper);
  await labelSecret(keeper, binding);
  return version ?? keeper.deps.secrets.readNewestVersion(placeOf(keeper, binding));
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
