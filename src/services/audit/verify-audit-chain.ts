import { type AuditRow, type ChainHead, EMPTY_CHAIN, isNextRow } from "../../domain/audit-chain.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

type VerifyDeps = Pick<Deps, "auditEvents" | "auditHeads" | "sha256">;

export interface ChainVerdict {
  readonly ok: boolean;
  /** How many events were found good, from the first on. */
  readonly events: number;
  /** The lowest number at which the rows are not what was recorded: edited, missing, added or out of order. */
  readonly firstBadSeq: number | null;
}

/** One page of rows in memory at a time. */
const PAGE = 200;

/**
 * Recomputes the hash of every event of the caller's workspace from its columns and compares the end with what the log
 * itself remembers, which somebody who can write the table cannot change.
 *
 * @throws `database_unavailable` when the log or the database does not answer.
 */
export async function verifyAuditChain(deps: VerifyDeps, scope: Scope): Promise<ChainVerdict> {
  const head = await deps.auditHeads.settle(scope.workspaceId);
  const reached = await followChain(deps, scope, head);
  if (reached.seq < head.seq) return { ok: false, events: reached.seq, firstBadSeq: reached.seq + 1 };
  // Every row fits the one before it, yet the last is not the one that was recorded: the rows were hashed anew. How far
  // back cannot be told from them; the last one certainly is not ours.
  if (reached.hash !== head.hash) return { ok: false, events: head.seq - 1, firstBadSeq: head.seq };
  return { ok: true, events: reached.seq, firstBadSeq: null, ...(await findSurplus(deps, scope)) };
}

/** The last row, up to `head`, that follows from the first without a flaw. */
async function followChain(deps: VerifyDeps, scope: Scope, head: ChainHead): Promise<ChainHead> {
  let reached = EMPTY_CHAIN;
  while (reached.seq < head.seq) {
    const rows = await deps.auditEvents.rows(scope, reached.seq, Math.min(PAGE, head.seq - reached.seq));
    const next = await followRows(deps, reached, rows);
    if (next.seq < reached.seq + rows.length || rows.length === 0) return next;
    reached = next;
  }
  return reached;
}

async function followRows(deps: VerifyDeps, from: ChainHead, rows: readonly AuditRow[]): Promise<ChainHead> {
  let reached = from;
  for (const row of rows) {
    if (!(await isNextRow(reached, row, deps.sha256))) return reached;
    reached = { seq: row.seq, hash: row.hash };
  }
  return reached;
}

/** A verdict on rows that are numbered beyond anything the log recorded; null when there are none. */
async function findSurplus(deps: VerifyDeps, scope: Scope): Promise<Omit<ChainVerdict, "events"> | null> {
  const lastSeq = await deps.auditEvents.lastSeq(scope);
  // Asked after the row was seen: events recorded meanwhile are not taken for planted ones.
  const head = await deps.auditHeads.settle(scope.workspaceId);
  if (lastSeq <= head.seq) return null;
  const [surplus] = await deps.auditEvents.rows(scope, head.seq, 1);
  return { ok: false, firstBadSeq: surplus?.seq ?? lastSeq };
}
