import { type AuditRow, type ChainHead, isNextRow } from "../../domain/audit-chain.ts";
import { isSamePlace } from "../../domain/audit-checkpoint.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { locateTampering } from "./locate-tampering.ts";

export type FollowDeps = Pick<Deps, "auditEvents" | "sha256">;

/** How far the rows are proven to be what was recorded, and the first that is not. */
export interface Followed {
  readonly proven: ChainHead;
  readonly firstBadSeq: number | null;
}

/** One page of rows in memory at a time; about as many as from one checkpoint to the next. */
const PAGE = 1000;

/**
 * Follows the rows from a place the log remembers through further such places.
 *
 * @param visit Sees each row that follows from the one before, when nothing is proven of it yet.
 */
export async function followThrough(
  deps: FollowDeps,
  scope: Scope,
  from: ChainHead,
  places: readonly ChainHead[],
  visit: (row: ChainHead) => void = () => undefined,
): Promise<Followed> {
  let proven = from;
  for (const place of places) {
    const reached = await followRows(deps, scope, proven, place.seq, visit);
    // That hash was remembered, and each row's holds the one before: when the last is right they all are.
    if (!isSamePlace(reached, place)) {
      return { proven, firstBadSeq: await locateTampering(deps, scope, proven, place) };
    }
    proven = place;
  }
  return { proven, firstBadSeq: null };
}

/** The last row, up to number `to`, that follows from the first without a flaw. */
async function followRows(
  deps: FollowDeps,
  scope: Scope,
  from: ChainHead,
  to: number,
  visit: (row: ChainHead) => void,
): Promise<ChainHead> {
  let reached = from;
  while (reached.seq < to) {
    const rows = await deps.auditEvents.rows(scope, reached.seq, Math.min(PAGE, to - reached.seq));
    if (rows.length === 0) return reached;
    for (const row of rows) {
      if (!(await isNextRow(reached, row, deps.sha256))) return reached;
      reached = placeOf(row);
      visit(reached);
    }
  }
  return reached;
}

function placeOf({ seq, hash }: AuditRow): ChainHead {
  return { seq, hash };
}
