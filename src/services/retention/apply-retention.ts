import { RETENTION_KINDS, type RetentionKind, type RetentionLine } from "../../domain/retention.ts";
import type { Deps } from "../deps.ts";
import { planRetention } from "./plan-retention.ts";
import { pruneChains } from "./prune-chains.ts";
import { purgeConnections } from "./purge-connections.ts";
import { purgeRows } from "./purge-rows.ts";
import { reportOrphanedSecrets } from "./report-orphaned-secrets.ts";
import { tellPurges } from "./tell-purges.ts";

type RetentionDeps = Parameters<typeof pruneChains>[0] &
  Parameters<typeof reportOrphanedSecrets>[0] &
  Pick<Deps, "keepers">;

/** What a run did of one kind, over all workspaces. */
export interface RetentionResult {
  readonly kind: RetentionKind;
  readonly planned: number;
  /** Less than planned: the rest waits for the next run. */
  readonly purged: number;
}

/**
 * Purges what the plan names, tells the audit log, and reports orphaned secrets. Two at once do each thing once; one that
 * dies is continued by the next.
 *
 * @returns what was done of each kind the plan named; empty when there was nothing to do.
 * @throws `database_unavailable`, after everything else was tried.
 */
export async function applyRetention(deps: RetentionDeps): Promise<readonly RetentionResult[]> {
  const plan = await planRetention(deps);
  const results: RetentionResult[] = [];
  const steps = RETENTION_KINDS.flatMap((kind) => {
    const lines = plan.filter((line) => line.kind === kind);
    const planned = lines.reduce((sum, { count }) => sum + count, 0);
    const purge = async () => void results.push({ kind, planned, purged: await purgeKind(deps, kind, lines) });
    return planned > 0 ? [purge] : [];
  });
  await inOrder([...steps, () => tellPurges(deps), () => reportOrphanedSecrets(deps)]);
  return results;
}

function purgeKind(deps: RetentionDeps, kind: RetentionKind, lines: readonly RetentionLine[]): Promise<number> {
  if (kind === "connections") return purgeConnections(deps);
  return kind === "audit_events" ? pruneChains(deps, lines) : purgeRows(deps, kind);
}

/** Each whatever became of the one before; the first failure is the run's. */
async function inOrder(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
