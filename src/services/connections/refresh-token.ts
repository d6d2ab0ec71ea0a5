import { bindingOf } from "../../domain/connection.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import type { Deps } from "../deps.ts";
import type { Caller } from "../record-deed.ts";
import { countRead, type TokenAnswer } from "./read-token.ts";
import { requireAlive } from "./require-alive.ts";
import { requireConnection } from "./require-connection.ts";

/**
 * Refreshes a connection the caller may see, when it is due or `force` asks.
 *
 * @throws as `Keepers.refresh`; `not_found`. A key-style connection answers what it has, `refreshed: false`.
 */
export async function refreshToken(
  deps: Pick<Deps, "audit" | "connections" | "hotCredentials" | "keepers" | "now">,
  caller: Caller,
  id: ConnectionId,
  force: boolean,
): Promise<TokenAnswer> {
  const connection = await requireConnection(deps, caller.principal, id);
  requireAlive(deps, connection);
  const { credential, refreshed } = await deps.keepers.refresh(bindingOf(connection), { force });
  if (refreshed) deps.hotCredentials.forget(connection.id);
  await countRead(deps, caller, connection);
  return { connection, credential, refreshed };
}
