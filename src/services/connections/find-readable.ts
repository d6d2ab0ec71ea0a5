import { type Connection, isUsable } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import { scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import type { Caller } from "../record-deed.ts";
import { describeDeath } from "./require-alive.ts";

/**
 * The connection a token is read from: of the first provider, in the order given, that has a usable one;
 * one's own before shared ones, the newest first.
 *
 * @param account Null = any.
 * @throws `reauth_required` when there are only dead ones; `not_found` when there is none.
 */
export async function findReadable(
  deps: Pick<Deps, "connections" | "now">,
  caller: Caller,
  providers: readonly string[],
  account: string | null,
): Promise<Connection> {
  const scope = scopeOf(caller.principal);
  let dead: Connection | null = null;
  for (const provider of providers) {
    const found = await deps.connections.listReadable(scope, provider, account);
    const usable = found.find(isUsable);
    if (usable !== undefined) return usable;
    dead ??= found[0] ?? null;
  }
  if (dead !== null) throw describeDeath(deps, dead);
  throw new AppError("not_found", "No account of that provider is connected.");
}
