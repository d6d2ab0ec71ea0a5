import { bindingOf, type Connection } from "../../domain/connection.ts";
import type { OwnerId } from "../../domain/ids.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Caller } from "../record-deed.ts";
import { type DisconnectDeps, eraseConnectionOf } from "./disconnect.ts";

/**
 * Ends the private connections of an owner who can no longer come in, and passes the shared ones to `heir`, of the same
 * workspace. Safe to call again.
 *
 * @returns how many there were.
 */
export type ReleaseConnections = (from: OwnerId, heir: OwnerId) => Promise<number>;

/** @see ReleaseConnections; `caller` is whose deed it is. */
export async function releaseConnections(
  deps: DisconnectDeps,
  caller: Caller,
  from: OwnerId,
  heir: OwnerId,
): Promise<number> {
  const scope: Scope = { userId: from, workspaceId: caller.principal.workspaceId };
  const owned = await deps.connections.listOwned(scope);
  for (const connection of owned) {
    if (connection.shared) await passOn(deps, scope, connection, heir);
    else await eraseConnectionOf(deps, caller, connection);
  }
  return owned.length;
}

async function passOn(deps: DisconnectDeps, scope: Scope, connection: Connection, to: OwnerId): Promise<void> {
  await deps.connections.handOver(scope, connection.id, to);
  deps.hotCredentials.forget(connection.id);
  // The keeper writes as the owner: it must learn the new one before its next alarm.
  await deps.keepers.nudge({ ...bindingOf(connection), ownerId: to });
}
