import type { Connection } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/**
 * A connection the caller may see.
 *
 * @param found What was read beside the caller's credential: null when they may not see it. Undefined: it is read now.
 * @throws `not_found` for an id the caller cannot see.
 */
export async function requireConnection(
  deps: Pick<Deps, "connections">,
  principal: Principal,
  id: ConnectionId,
  found?: Connection | null,
): Promise<Connection> {
  const connection = found === undefined ? await deps.connections.find(scopeOf(principal), id) : found;
  if (connection === null) throw noSuchConnection();
  return connection;
}

/** @throws `not_found` unless the caller owns a connection of that provider by that id. */
export async function requireOwnConnection(
  deps: Pick<Deps, "connections">,
  principal: Principal,
  id: ConnectionId,
  provider: string,
): Promise<Connection> {
  const connection = await requireConnection(deps, principal, id);
  if (connection.ownerId === principal.id && connection.provider === provider) return connection;
  throw noSuchConnection();
}

/** The same words for a connection that is absent, another's or gone. */
export function noSuchConnection(): AppError {
  return new AppError("not_found", "There is no such connection.");
}
