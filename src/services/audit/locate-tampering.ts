import { type AuditRow, type ChainHead, canonicalJson, isNextRow } from "../../domain/audit-chain.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

type LocateDeps = Pick<Deps, "auditEvents" | "sha256">;

/** Rows beyond the place are looked at as well: inserting one may have moved the others up. */
const SLACK_ROWS = 200;

/**
 * The number of the first row between two places the log remembers that is not what was recorded.
 *
 * Going back from `to`, each hash proves the row it was made of and names the hash before it, wherever that row is now:
 * so every genuine row is known down to the last that was altered or deleted. Below that, rows are judged by whether
 * they follow from `from`. Rows that were all hashed anew fit together; then the last of them is named.
 */
export async function locateTampering(deps: LocateDeps, scope: Scope, from: ChainHead, to: ChainHead): Promise<number> {
  const rows = await deps.auditEvents.rows(scope, from.seq, to.seq - from.seq + SLACK_ROWS);
  const bySeq = new Map(rows.map((row) => [row.seq, row]));
  const hashes = new Map<AuditRow, string>();
  for (const row of rows) hashes.set(row, await deps.sha256(row.prevHash + row.text));
  const { recorded, brokenSeq } = findRecorded(hashes, from, to);
  let reached = from;
  for (let seq = from.seq + 1; seq < to.seq; seq++) {
    const row = bySeq.get(seq);
    if (row === undefined || seq === brokenSeq) return seq;
    const isGood =
      seq < brokenSeq
        ? await isNextRow(reached, row, deps.sha256)
        : isRecorded(row, hashes.get(row), recorded.get(seq));
    if (!isGood) return seq;
    reached = row;
  }
  return to.seq;
}

interface Recorded {
  /** The recorded hash of each number, as far down as it is known. */
  readonly recorded: ReadonlyMap<number, string>;
  /** The highest number whose row is nowhere any more; `from`'s when every row is somewhere. */
  readonly brokenSeq: number;
}

function findRecorded(hashes: ReadonlyMap<AuditRow, string>, from: ChainHead, to: ChainHead): Recorded {
  const byHash = new Map([...hashes].map(([row, hash]) => [hash, row]));
  const recorded = new Map<number, string>();
  let { seq, hash } = to;
  for (let row = byHash.get(hash); row !== undefined && seq > from.seq; row = byHash.get(hash)) {
    recorded.set(seq, hash);
    hash = row.prevHash;
    seq -= 1;
  }
  return { recorded, brokenSeq: seq };
}

/** @param actual What its text and its previous hash hash to. */
function isRecorded(row: AuditRow, actual: string | undefined, recorded: string | undefined): boolean {
  return actual === recorded && row.hash === recorded && canonicalJson(row.columns) === row.text;
}
