import type { AuditEntry } from "../../domain/audit-event.ts";
import { bySystem } from "../../domain/call.ts";
import type { Purge } from "../../domain/retention.ts";
import { toRfc3339 } from "../../domain/time.ts";
import type { Deps } from "../deps.ts";

/** Each is one call to its workspace's log. */
const PAGE = 100;
const LEASE_SECONDS = 120;
/** A thousand events; what is left over is told by the next run. */
const MAX_PAGES = 10;
/** More are only counted: an event stays small. */
const MAX_NAMED = 20;

/**
 * Records what was purged, one event per workspace and kind, also what a run that died had not told yet. A purge is
 * forgotten once it is recorded, so a crash in between tells it twice rather than never.
 *
 * @throws `database_unavailable`.
 */
export async function tellPurges(deps: Pick<Deps, "audit" | "retention">): Promise<void> {
  for (let page = 0; page < MAX_PAGES; page++) {
    const purges = await deps.retention.takePurges(PAGE, LEASE_SECONDS);
    await Promise.all(purges.map((purge) => deps.audit.record(purge.workspaceId, toEntry(purge))));
    if (purges.length > 0) await deps.retention.forgetPurges(purges.flatMap(({ entries }) => entries));
    if (purges.length < PAGE) return;
  }
}

function toEntry({ kind, workspaceId, count, ids, olderThan }: Purge): AuditEntry {
  const named = count <= MAX_NAMED && ids.length === count ? { ids } : {};
  return {
    action: "retention.purged",
    outcome: "success",
    ...bySystem("retention"),
    resource: { type: "workspace", id: workspaceId },
    detail: { kind, count, older_than: toRfc3339(olderThan), ...named },
  };
}
