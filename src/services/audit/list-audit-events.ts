import type { AuditQuery } from "../../domain/audit-chain.ts";
import type { AuditEvent } from "../../domain/audit-event.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

export interface AuditPage {
  readonly events: readonly AuditEvent[];
  /** The `after` of the next page; null at the end. */
  readonly next: string | null;
}

/**
 * Events of the caller's workspace, oldest first, with everything that had happened when it was asked.
 *
 * @throws `database_unavailable` rather than leave out what the database does not have yet.
 */
export async function listAuditEvents(
  deps: Pick<Deps, "auditEvents" | "auditHeads">,
  scope: Scope,
  query: AuditQuery,
): Promise<AuditPage> {
  await deps.auditHeads.settle(scope.workspaceId);
  // One more than asked for says whether there is a next page.
  const found = await deps.auditEvents.list(scope, { ...query, limit: query.limit + 1 });
  const events = found.slice(0, query.limit);
  const last = found.length > query.limit ? events.at(-1) : undefined;
  return { events, next: last === undefined ? null : String(last.seq) };
}
