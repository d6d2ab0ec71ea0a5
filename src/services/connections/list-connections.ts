import type { Connection } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import type { Page } from "../../domain/page.ts";
import type { ConnectionQuery } from "../../domain/ports/connection-store.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/** A page of what the caller may see, oldest first. @throws `invalid_request` when `after` is not a page's `next`. */
export async function listConnections(
  deps: Pick<Deps, "connections">,
  principal: Principal,
  query: ConnectionQuery,
): Promise<Page<Connection>> {
  return deps.connections.list(scopeOf(principal), query);
}

/** @throws `not_found` for an id the caller cannot see. */
export async function requireConnection(
  deps: Pick<Deps, "connections">,
  principal: Principal,
  id: ConnectionId,
): Promise<Connection> {
  const connection = await deps.connections.find(scopeOf(principal), id);
  if (connection === null) throw new AppError("not_found", "There is no such connection.");
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
  throw new AppError("not_found", "There is no such connection.");
}
