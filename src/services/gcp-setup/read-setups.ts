import type { Connection } from "../../domain/connection.ts";
import type { Setup } from "../../domain/gcp-setup.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import { requireOwnConnection } from "../connections/require-connection.ts";
import type { Deps } from "../deps.ts";

/**
 * How far the set-up of one's own connection is; null when none was begun.
 *
 * @throws `not_found` unless the caller owns a connection of Google Cloud by that id.
 */
export async function readOwnSetup(
  deps: Pick<Deps, "connections" | "gcpSetups">,
  principal: Principal,
  id: ConnectionId,
): Promise<Setup | null> {
  await requireOwnConnection(deps, principal, id, "gcp");
  return deps.gcpSetups.find(scopeOf(principal), id);
}

/** The set-ups of the connections that are prepared after they were made, by connection; no round trip where none is. */
export async function readSetups(
  deps: Pick<Deps, "gcpSetups" | "providers">,
  principal: Principal,
  connections: readonly Connection[],
): Promise<ReadonlyMap<string, Setup>> {
  const prepared = connections.filter(({ provider }) => deps.providers.find(provider)?.afterConnect !== undefined);
  if (prepared.length === 0) return new Map();
  const setups = await deps.gcpSetups.list(
    scopeOf(principal),
    prepared.map(({ id }) => id),
  );
  return new Map(setups.map((setup) => [setup.connectionId, setup]));
}
