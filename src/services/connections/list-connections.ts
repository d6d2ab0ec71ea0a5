import type { Connection } from "../../domain/connection.ts";
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
