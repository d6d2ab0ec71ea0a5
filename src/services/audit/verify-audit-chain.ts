import type { ChainHead, ChainMemory } from "../../domain/audit-chain.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { findBadCheckpoint } from "./find-bad-checkpoint.ts";
import { type Followed, followThrough } from "./follow-chain.ts";

type VerifyDeps = Pick<Deps, "auditEvents" | "auditCheckpoints" | "auditHeads" | "sha256">;

export interface ChainVerdict {
  readonly ok: boolean;
  /** How many events were found good, from the place where it began. */
  readonly events: number;
  /** The lowest number at which the rows are not what was recorded: edited, missing, added or out of order. */
  readonly firstBadSeq: number | null;
  /** The lowest number at which the stored checkpoints are not those that were signed. */
  readonly firstBadCheckpoint: number | null;
  /** Every event up to this one, from the place where it began, is certainly the recorded one. */
  readonly provenSeq: number;
  /** Where to go on, when the chain is longer than one call verifies; null when its end was reached or something is bad. */
  readonly next: number | null;
}

/** From one place the log remembers to the next; each is a page of rows. 200,000 events take about 210 subrequests. */
const MAX_STRETCHES = 200;
const TRIES = 3;

/**
 * Recomputes the hash of every event from its columns and compares it, at every checkpoint and at the end, with what the
 * log itself remembers, which somebody who can write the table cannot change. Stops at the first that is bad.
 *
 * @param after Begins at the last checkpoint at or before this number; 0 = at the first event there is.
 * @throws `database_unavailable` when the log or the database does not answer.
 */
export async function verifyAuditChain(
  deps: VerifyDeps,
  scope: Scope,
  after = 0,
  maxStretches = MAX_STRETCHES,
): Promise<ChainVerdict> {
  const remember = () => deps.auditHeads.memory(scope.workspaceId, after, maxStretches + 1);
  for (let triesLeft = TRIES; ; triesLeft--) {
    const head = await deps.auditHeads.settle(scope.workspaceId);
    const memory = await remember();
    const verdict = await verifyRemembered(deps, scope, head, memory, after, maxStretches);
    if (verdict.ok || triesLeft === 1) return verdict;
    // Events pruned or a checkpoint stored meanwhile look like tampering to whoever began before.
    const isUnchanged = JSON.stringify(await remember()) === JSON.stringify(memory);
    if (isUnchanged) return verdict;
  }
}

async function verifyRemembered(
  deps: VerifyDeps,
  scope: Scope,
  head: ChainHead,
  memory: ChainMemory,
  after: number,
  maxStretches: number,
): Promise<ChainVerdict> {
  const from = chooseStart(memory, after);
  const marks = memory.marks.filter(({ seq }) => seq > from.seq && seq < head.seq);
  const places = [...marks, ...(head.seq > from.seq ? [head] : [])].slice(0, maxStretches);
  const { proven, firstBadSeq } = await findBadEvent(deps, scope, memory, from, places, head);
  const firstBadCheckpoint =
    firstBadSeq === null ? await findBadCheckpoint(deps, scope, memory, from.seq, proven.seq) : null;
  const ok = firstBadSeq === null && firstBadCheckpoint === null;
  const goodSeq = firstBadSeq === null ? proven.seq : Math.min(firstBadSeq - 1, head.seq);
  return {
    ok,
    events: Math.max(goodSeq - from.seq, 0),
    firstBadSeq,
    firstBadCheckpoint,
    provenSeq: proven.seq,
    next: ok && proven.seq < head.seq ? proven.seq : null,
  };
}

/** The last place at or before `after` that the log remembers; the anchor at least. */
function chooseStart({ anchor, marks }: ChainMemory, after: number): ChainHead {
  return marks.findLast(({ seq }) => seq <= Math.max(after, anchor.seq)) ?? anchor;
}

async function findBadEvent(
  deps: VerifyDeps,
  scope: Scope,
  memory: ChainMemory,
  from: ChainHead,
  places: readonly ChainHead[],
  head: ChainHead,
): Promise<Followed> {
  const remnant = from.seq === memory.anchor.seq ? await findRemnant(deps, scope, memory) : null;
  if (remnant !== null) return { proven: from, firstBadSeq: remnant };
  const followed = await followThrough(deps, scope, from, places);
  if (followed.firstBadSeq !== null || followed.proven.seq < head.seq) return followed;
  return { proven: followed.proven, firstBadSeq: await findSurplus(deps, scope) };
}

/** The number of a row that is there although the log was pruned up to it; null when there is none. */
async function findRemnant(deps: VerifyDeps, scope: Scope, { anchor, isCleared }: ChainMemory): Promise<number | null> {
  if (!isCleared || anchor.seq === 0) return null;
  const [first] = await deps.auditEvents.rows(scope, 0, 1);
  return first !== undefined && first.seq <= anchor.seq ? first.seq : null;
}

/** The number of a row beyond anything the log recorded; null when there is none. */
async function findSurplus(deps: VerifyDeps, scope: Scope): Promise<number | null> {
  const lastSeq = await deps.auditEvents.lastSeq(scope);
  // Asked after the row was seen: events recorded meanwhile are not taken for planted ones.
  const head = await deps.auditHeads.settle(scope.workspaceId);
  if (lastSeq <= head.seq) return null;
  const [surplus] = await deps.auditEvents.rows(scope, head.seq, 1);
  return surplus?.seq ?? lastSeq;
}
