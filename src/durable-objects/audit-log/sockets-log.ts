import type { AuditEventStore } from "../../domain/audit-chain.ts";
import { scopeOfChain } from "../../domain/audit-scope.ts";
import type { FeedLog } from "../../services/alerts/backlog.ts";
import type { SqlOutbox } from "./outbox.ts";

/** The log as those who follow it read it: what Postgres does not have yet is in the outbox, the rest is there. */
export function createFeedLog(outbox: SqlOutbox, store: () => Pick<AuditEventStore, "rows">): FeedLog {
  return {
    headSeq: () => outbox.head().seq,
    firstKeptSeq: () => outbox.flushedSeq() + 1,
    kept: (seq, limit) => outbox.pending(seq, limit),
    stored: async (seq, limit) => await store().rows(scopeOfChain(outbox.chain()), seq, limit),
  };
}
