import { type Connection, isUsable } from "../../domain/connection.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import type { Caller } from "../record-deed.ts";
import { type DisconnectDeps, eraseConnectionOf } from "./disconnect.ts";

/**
 * The connection a token of that provider would be read from; null when none is usable.
 * It says what is stored, without asking the provider: reading a status changes nothing.
 */
export async function findUsable(
  deps: Pick<Deps, "connections">,
  principal: Principal,
  provider: string,
): Promise<Connection | null> {
  const found = await deps.connections.listReadable(scopeOf(principal), provider, null);
  return found.find(isUsable) ?? null;
}

/**
 * Ends every connection to that provider the caller owns; those shared by others stay theirs.
 *
 * @returns How many there were, and whether some wait for the secret store (unreadable all the same).
 */
export async function disconnectProvider(
  deps: DisconnectDeps,
  caller: Caller,
  provider: string,
): Promise<{ readonly ended: number; readonly isPending: boolean }> {
  const found = await deps.connections.listReadable(scopeOf(caller.principal), provider, null);
  const own = found.filter(({ ownerId }) => ownerId === caller.principal.id);
  const outcomes = await Promise.all(own.map((connection) => eraseConnectionOf(deps, caller, connection)));
  return { ended: own.length, isPending: outcomes.includes("pending") };
}
