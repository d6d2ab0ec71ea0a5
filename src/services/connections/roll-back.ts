import { bindingOf, type Connection } from "../../domain/connection.ts";
import { AppError, isAppError } from "../../domain/errors.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import { parseSecretRef } from "../../domain/secret-ref.ts";
import type { SecretData } from "../../domain/token-data.ts";
import type { Deps } from "../deps.ts";
import { type Caller, recordDeed, resourceOf } from "../record-deed.ts";
import { requireProvider } from "./connect-account.ts";
import { requireOwnership } from "./disconnect.ts";
import { requireKeyStyle, requireStatic } from "./list-versions.ts";
import { requireConnection } from "./require-connection.ts";
import { requirePublicUrls, requireStorable } from "./store-token-data.ts";

type RollBackDeps = Pick<
  Deps,
  "audit" | "connections" | "credentialCache" | "hotCredentials" | "keepers" | "providers" | "secrets" | "settings"
>;

/**
 * Makes an older version of a key-style secret the newest, as a new version with a grant of its own.
 *
 * @throws `not_found` for an id the caller cannot see, and for a version that is not there; `forbidden` for a shared
 *         connection of somebody else, admins excepted; `conflict` for a credential that is refreshed, and when the
 *         connection is disconnected meanwhile; `invalid_request`
 *         when a URL in the version may not be called any more; `vault_unavailable` or `database_unavailable`: it is
 *         kept sealed and stored when they answer.
 */
export async function rollBack(
  deps: RollBackDeps,
  caller: Caller,
  id: ConnectionId,
  version: number,
): Promise<Connection> {
  const connection = await requireConnection(deps, caller.principal, id);
  requireOwnership(caller.principal, connection);
  await requireKeyStyle(deps, connection);
  const secret = await readUsable(deps, connection, version);
  const written = await store(deps, caller, connection, secret, version);
  await recordDeed(deps, caller, "connection.rolled_back", resourceOf(connection), { to: version, version: written });
  return await requireConnection(deps, caller.principal, id);
}

async function readUsable(deps: RollBackDeps, connection: Connection, version: number): Promise<SecretData> {
  const place = parseSecretRef(connection.secretRef, deps.settings.vaultMount);
  const stored = await deps.secrets.readVersion(place, version);
  if (stored === null) throw new AppError("not_found", "There is no such version.");
  requireStatic(deps, connection, stored.data);
  requireStorable(requireProvider(deps, connection.provider), stored.data);
  requirePublicUrls(deps.settings.publicUrl, stored.data);
  return stored.data;
}

/** Through the keeper, which refuses once the connection was disconnected: no grant is revived. */
async function store(
  deps: RollBackDeps,
  caller: Caller,
  connection: Connection,
  secret: SecretData,
  version: number,
): Promise<number> {
  const binding = bindingOf(connection);
  try {
    return await deps.keepers.store(binding, { secret, facts: null });
  } catch (error) {
    if (isAppError(error) && (error.code === "vault_unavailable" || error.code === "database_unavailable")) {
      const detail = { to: version, pending: true };
      await recordDeed(deps, caller, "connection.rolled_back", resourceOf(connection), detail);
    }
    throw error;
  } finally {
    deps.hotCredentials.forget(connection.id);
    await deps.credentialCache.purge(binding, connection.version);
  }
}
