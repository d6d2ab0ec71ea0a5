import { bySystem } from "../../domain/call.ts";
import { isAppError } from "../../domain/errors.ts";
import type { RetentionLine } from "../../domain/retention.ts";
import { MAX_PRUNED, pruneAuditEvents } from "../audit/prune-audit-events.ts";
import type { Deps } from "../deps.ts";

type PruneDeps = Parameters<typeof pruneAuditEvents>[0] & Pick<Deps, "audit" | "log">;

/** Hashing them takes some ten seconds of CPU. What is left over waits for the next run. */
const MAX_EVENTS = 200_000;
/** A chain with little to prune takes ten subrequests; a run may make 10,000. */
const MAX_CHAINS = 200;
/** One chain in trouble must not keep the others; with so many it is the database, or the key that signs. */
const MAX_TROUBLES = 3;

/**
 * Prunes audit chains, the longest overdue first. A chain that was tampered with is left as it is, and said.
 *
 * @param lines What the plan says of each chain.
 * @returns how many events are gone.
 * @throws  `database_unavailable`, `vault_unavailable`, once several chains were in trouble: the next run goes on.
 */
export async function pruneChains(deps: PruneDeps, lines: readonly RetentionLine[]): Promise<number> {
  const overdue = [...lines].sort((one, other) => one.oldest - other.oldest);
  let pruned = 0;
  let troubles = 0;
  for (const line of overdue.slice(0, MAX_CHAINS)) {
    try {
      for (let hasMore = true; hasMore && pruned < MAX_EVENTS; ) {
        const pruning = await prunePart(deps, line, Math.min(MAX_EVENTS - pruned, MAX_PRUNED));
        pruned += pruning.events;
        hasMore = pruning.hasMore;
      }
    } catch (error) {
      if (!isAppError(error)) throw error;
      // `invalid_request`: another run has pruned it beyond that place, which is no trouble.
      if (error.code !== "invalid_request" && ++troubles === MAX_TROUBLES) throw error;
      // What is lost is a day: the chain is as it was, or cut off in deletions that the next run ends.
      deps.log.warn("an audit chain was not pruned", { chain: line.workspaceId, code: error.code });
    }
  }
  return pruned;
}

async function prunePart(deps: PruneDeps, { workspaceId: chain, olderThan }: RetentionLine, maxEvents: number) {
  const { events, hasMore, firstBadSeq } = await pruneAuditEvents(deps, chain, olderThan, maxEvents);
  if (firstBadSeq !== null) await reportTampering(deps, chain, firstBadSeq);
  return { events, hasMore: hasMore && events > 0 };
}

/** Says that a chain is not what was recorded, unless another run has pruned it beyond that place meanwhile. */
async function reportTampering(deps: PruneDeps, chain: string, firstBadSeq: number): Promise<void> {
  const { anchor } = await deps.auditHeads.memory(chain, 0, 1);
  if (anchor.seq >= firstBadSeq) return;
  deps.log.error("an audit chain is not what was recorded, so it was not pruned", {
    chain,
    first_bad_seq: firstBadSeq,
  });
  await deps.audit.record(chain, {
    action: "retention.purged",
    outcome: "failure",
    ...bySystem("retention"),
    resource: { type: "workspace", id: chain },
    detail: { kind: "audit_events", count: 0, first_bad_seq: firstBadSeq },
  });
}
