import { bindingOf, type Connection } from "../../domain/connection.ts";
import type { OwnerId } from "../../domain/ids.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { type Caller, recordDeed, resourceOf } from "../record-deed.ts";
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
  deps: DisconnectDeps & Pick<Deps, "audit">,
  caller: Caller,
  from: OwnerId,
  heir: OwnerId,
): Promise<number> {
  const scope: Scope = { userId: from, workspaceId: caller.principal.workspaceId };
  const owned = await deps.connections.listOwned(scope);
  for (const connection of owned) {
    const isPassedOn = connection.shared && (await deps.connections.handOver(scope, connection.id, heir));
    // One that somebody has stopped sharing meanwhile is a private one.
    if (isPassedOn) await welcomeHeir(deps, caller, connection, heir);
    else await eraseConnectionOf(deps, caller, connection);
  }
  return owned.length;
}

async function welcomeHeir(
  deps: DisconnectDeps & Pick<Deps, "audit">,
  caller: Caller,
  connection: Connection,
  heir: OwnerId,
): Promise<void> {
  deps.hotCredentials.forget(connection.id);
  await recordDeed(deps, caller, "connection.updated", resourceOf(connection), { change: "owner", owner: heir });
  // The keeper writes as the owner: it must learn the new one before its next alarm.
  await deps.keepers.nudge({ ...bindingOf(connection), ownerId: heir });
}
