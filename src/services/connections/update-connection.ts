import { bindingOf, type Connection } from "../../domain/connection.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import type { JsonObject } from "../../domain/json.ts";
import type { Deps } from "../deps.ts";
import { type Caller, recordDeed, resourceOf } from "../record-deed.ts";
import { requireOwnership } from "./disconnect.ts";
import { noSuchConnection, requireConnection } from "./require-connection.ts";

export interface ConnectionChange {
  readonly shared?: boolean | undefined;
  readonly label?: string | null | undefined;
}

/**
 * Changes how a connection is shown and to whom.
 *
 * @throws `not_found` for an id the caller cannot see; `forbidden` for a shared one of somebody else, admins excepted.
 */
export async function updateConnection(
  deps: Pick<Deps, "audit" | "connections" | "hotCredentials">,
  caller: Caller,
  id: ConnectionId,
  change: ConnectionChange,
): Promise<Connection> {
  const connection = await requireConnection(deps, caller.principal, id);
  requireOwnership(caller.principal, connection);
  const { ownerId, workspaceId } = bindingOf(connection);
  const changed = await deps.connections.update({ userId: ownerId, workspaceId }, id, change);
  if (changed === null) throw noSuchConnection();
  deps.hotCredentials.forget(id);
  await recordDeed(deps, caller, "connection.updated", resourceOf(changed), describe(change));
  return changed;
}

/** Without the label itself: people write names and addresses into it, and an event holds neither. */
function describe({ shared, label }: ConnectionChange): JsonObject {
  const changed = [...(shared === undefined ? [] : ["shared"]), ...(label === undefined ? [] : ["label"])];
  return { changed, ...(shared !== undefined && { shared }) };
}
