import type { ChainHead } from "../../domain/audit-chain.ts";
import { CHECKPOINT_INTERVAL, pruneBefore } from "../../domain/audit-checkpoint.ts";
import { scopeOfChain } from "../../domain/audit-scope.ts";
import type { Scope } from "../../domain/principal.ts";
import type { EpochSeconds } from "../../domain/time.ts";
import type { Deps } from "../deps.ts";
import { followThrough } from "./follow-chain.ts";

type PruneDeps = Pick<Deps, "auditEvents" | "auditHeads" | "auditPruning" | "sha256" | "now">;

/** What pruning would do, or has done. */
export interface Pruning {
  /** How many events it is about. */
  readonly events: number;
  /** The number of the last of them: the chain begins behind it. */
  readonly upToSeq: number;
  /** True when events that are old enough are left for another call. */
  readonly hasMore: boolean;
  /** Something in the way is not what was recorded: nothing was deleted, so that it can be looked at. Null = all is well. */
  readonly firstBadSeq: number | null;
}

/** How many events one call prunes: it takes some 70 subrequests then, and a few seconds of CPU. */
export const MAX_PRUNED = 50_000;
/** Rows one statement deletes: well within its ten seconds. */
const DELETE_BATCH = 5000;

/**
 * What {@link pruneAuditEvents} would delete now, without looking at whether it may.
 *
 * @param chain     A workspace's id, or the chain of unauthenticated events.
 * @param olderThan Events from before that time; whatever it is, those of the last 30 days stay.
 * @throws `database_unavailable`
 */
export async function planAuditPruning(
  deps: Omit<PruneDeps, "sha256">,
  chain: string,
  olderThan: EpochSeconds,
  maxEvents = MAX_PRUNED,
): Promise<Pruning> {
  const scope = scopeOfChain(chain);
  const head = await deps.auditHeads.settle(chain);
  const { anchor } = await deps.auditHeads.memory(chain, 0, 1);
  const oldSeq = await deps.auditPruning.lastBefore(scope, pruneBefore(deps.now(), olderThan));
  // Rows beyond the head are none of ours: verify finds them, and pruning must not remove them.
  const lastSeq = Math.max(Math.min(oldSeq, head.seq), anchor.seq);
  const upToSeq = Math.min(lastSeq, anchor.seq + maxEvents);
  return { events: upToSeq - anchor.seq, upToSeq, hasMore: upToSeq < lastSeq, firstBadSeq: null };
}

/**
 * Deletes events of a chain that are older than that time, oldest first, at most `maxEvents` in one call. Safe to repeat.
 *
 * They are verified first, up to the next place the log remembers; the last of them becomes the anchor, a signed
 * checkpoint from which `verify` starts, before any row is deleted. What was tampered with is not swept away.
 *
 * @throws `database_unavailable`, `vault_unavailable`: what was not done is done by the next call.
 */
export async function pruneAuditEvents(
  deps: PruneDeps,
  chain: string,
  olderThan: EpochSeconds,
  maxEvents = MAX_PRUNED,
): Promise<Pruning> {
  const scope = scopeOfChain(chain);
  const { anchor, isCleared } = await deps.auditHeads.memory(chain, 0, 1);
  // An earlier call was cut off in the middle of its deletions.
  if (!isCleared) await deleteRows(deps, scope, anchor.seq);
  const plan = await planAuditPruning(deps, chain, olderThan, maxEvents);
  if (plan.events === 0) return plan;
  const { last, firstBadSeq } = await proveUpTo(deps, scope, plan);
  if (last === null) return { events: 0, upToSeq: anchor.seq, hasMore: plan.hasMore, firstBadSeq };
  await deps.auditHeads.anchor(chain, last);
  await deleteRows(deps, scope, last.seq);
  return plan;
}

async function deleteRows(deps: PruneDeps, scope: Scope, seq: number): Promise<void> {
  for (let deleted = DELETE_BATCH; deleted === DELETE_BATCH; ) {
    deleted = await deps.auditPruning.deleteUpTo(scope, seq, DELETE_BATCH);
  }
  await deps.auditHeads.cleared(scope.workspaceId, seq);
}

/** The recorded event of that number, proven by the next place the log remembers; null when something before that is bad. */
async function proveUpTo(
  deps: PruneDeps,
  scope: Scope,
  { events, upToSeq }: Pruning,
): Promise<{ readonly last: ChainHead | null; readonly firstBadSeq: number | null }> {
  const head = await deps.auditHeads.settle(scope.workspaceId);
  // The anchor's own, those of the events, and one behind them.
  const maxMarks = Math.ceil(events / CHECKPOINT_INTERVAL) + 2;
  const { anchor, marks } = await deps.auditHeads.memory(scope.workspaceId, 0, maxMarks);
  const behind = marks.find((mark) => mark.seq >= upToSeq) ?? head;
  const places = [...marks.filter((mark) => mark.seq > anchor.seq && mark.seq < behind.seq), behind];
  let last: ChainHead | null = null;
  const { firstBadSeq } = await followThrough(deps, scope, anchor, places, (row) => {
    if (row.seq === upToSeq) last = row;
  });
  return { last: firstBadSeq === null ? last : null, firstBadSeq };
}
