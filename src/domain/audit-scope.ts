import { requireChain } from "./audit-chain.ts";
import type { PrincipalId, WorkspaceId } from "./ids.ts";
import type { Scope } from "./principal.ts";

/** Nobody who owns a row: the log itself. */
const LOG = "system" as PrincipalId;

/**
 * Whose rows a chain's events are: the chain's name stands where a workspace's id does.
 *
 * @param reader Who asks; left out for the log itself.
 * @throws `invalid_request` when there is no chain of that name.
 */
export function scopeOfChain(raw: string, reader: PrincipalId = LOG): Scope {
  return { userId: reader, workspaceId: requireChain(raw) as WorkspaceId };
}
