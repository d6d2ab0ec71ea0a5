import type { Connection, ConnectionStatus } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import { type ConnectionId, readId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

export interface ConnectionQuery {
  readonly provider: string | null;
  readonly status: ConnectionStatus | null;
  /** The `next` of the page before. */
  readonly after: string | null;
  readonly limit: number;
}

export interface ConnectionPage {
  readonly connections: readonly Connection[];
  /** Null at the end. */
  readonly next: string | null;
}

/** A page of what the caller may see, oldest first. @throws `invalid_request` when `after` is not a page's `next`. */
export async function listConnections(
  deps: Pick<Deps, "connections">,
  principal: Principal,
  query: ConnectionQuery,
): Promise<ConnectionPage> {
  const after = query.after === null ? null : readId("con", query.after);
  if (after === null && query.after !== null) {
    throw new AppError("invalid_request", "after must be the next of an earlier page.");
  }
  const found = await deps.connections.list(scopeOf(principal), { ...query, after, limit: query.limit + 1 });
  const connections = found.slice(0, query.limit);
  return { connections, next: found.length > query.limit ? (connections.at(-1)?.id ?? null) : null };
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
