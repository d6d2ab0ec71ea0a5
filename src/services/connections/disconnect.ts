import { actorOf } from "../../domain/call.ts";
import { bindingOf, type Connection } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import type { Caller } from "../record-deed.ts";
import { noSuchConnection } from "./require-connection.ts";

export type DisconnectDeps = Pick<Deps, "connections" | "credentialCache" | "hotCredentials" | "keepers">;

/**
 * Ends a connection: `erased` now, or `pending` while the secret store is away (unreadable all the same).
 *
 * @throws `not_found` for an id the caller cannot see; `forbidden` for a shared one of somebody else, admins excepted.
 *         Again by its owner it is `erased`.
 */
export async function disconnect(
  deps: DisconnectDeps,
  caller: Caller,
  id: ConnectionId,
): Promise<"erased" | "pending"> {
  const scope = scopeOf(caller.principal);
  const connection = await deps.connections.find(scope, id);
  if (connection === null) {
    if (await deps.connections.wasDisconnected(scope, id)) return "erased";
    throw noSuchConnection();
  }
  requireOwnership(caller.principal, connection);
  return eraseConnectionOf(deps, caller, connection);
}

/** Ends a connection nobody needs to be asked about any more. */
export async function eraseConnectionOf(
  deps: DisconnectDeps,
  caller: Caller,
  connection: Connection,
): Promise<"erased" | "pending"> {
  const binding = bindingOf(connection);
  const outcome = await deps.keepers.erase(binding, {
    actor: actorOf(caller.principal),
    ip: caller.ip,
    requestId: caller.requestId,
  });
  deps.hotCredentials.forget(connection.id);
  await deps.credentialCache.purge(binding, connection.version);
  return outcome;
}

/** Changing and ending a shared connection belongs to its owner and to admins. */
export function requireOwnership(principal: Principal, connection: Connection): void {
  if (connection.ownerId === principal.id || principal.role === "admin") return;
  throw new AppError("forbidden", "This connection is shared with you; only its owner or an admin may change it.");
}
