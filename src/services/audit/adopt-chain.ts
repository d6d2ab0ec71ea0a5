import {
  type AuditCheckpointStore,
  type AuditEventStore,
  type AuditRow,
  type ChainedEvent,
  type ChainHead,
  type Checkpoint,
  rechainEvent,
} from "../../domain/audit-chain.ts";
import { scopeOfChain } from "../../domain/audit-scope.ts";
import type { Scope } from "../../domain/principal.ts";

/** What a log that has brought nothing to Postgres yet has to be asked and told. */
export interface AdoptOutbox {
  chain(): string;
  /** The last event Postgres has, as far as the log knows; 0 = none. */
  flushedSeq(): number;
  pending(after: number, limit: number): readonly ChainedEvent[];
}

/** Where a chain that Postgres has begins and ends, and what was signed of it. */
export interface FoundChain {
  /** What the first row follows. */
  readonly anchor: ChainHead;
  readonly last: ChainHead;
  /** By seq. */
  readonly checkpoints: readonly Checkpoint[];
}

interface FindDeps {
  readonly outbox: AdoptOutbox;
  readonly events: Pick<AuditEventStore, "lastSeq" | "rows">;
  readonly checkpoints: Pick<AuditCheckpointStore, "list">;
}

const PAGE = 1000;

/**
 * The chain Postgres has although the log knows of none: the log was emptied, or the database is another's copy. Null
 * when there is no such chain; what the log has brought itself, and did not hear of, is none.
 *
 * @throws `database_unavailable`: nobody knows yet.
 */
export async function findForgottenChain({ outbox, events, checkpoints }: FindDeps): Promise<FoundChain | null> {
  const [mine] = outbox.pending(0, 1);
  if (mine === undefined || outbox.flushedSeq() > 0) return null;
  const scope = scopeOfChain(outbox.chain());
  const lastSeq = await events.lastSeq(scope);
  if (lastSeq === 0) return null;
  const [first] = await events.rows(scope, 0, 1);
  const [last] = await events.rows(scope, lastSeq - 1, 1);
  if (first === undefined || last === undefined || isMine(first, mine)) return null;
  return {
    anchor: { seq: first.seq - 1, hash: first.prevHash },
    last: { seq: last.seq, hash: last.hash },
    checkpoints: await listAll(checkpoints, scope),
  };
}

function isMine(row: AuditRow, mine: ChainedEvent): boolean {
  return row.seq === mine.seq && row.hash === mine.hash;
}

async function listAll({ list }: FindDeps["checkpoints"], scope: Scope): Promise<readonly Checkpoint[]> {
  const all: Checkpoint[] = [];
  for (;;) {
    const page = await list(scope, (all.at(-1)?.seq ?? 0) + 1, PAGE);
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

/** The events with the numbers and hashes they have behind `last`, in the same order. */
export async function rechainEvents(
  last: ChainHead,
  events: readonly ChainedEvent[],
  sha256: (text: string) => Promise<string>,
): Promise<readonly ChainedEvent[]> {
  const rechained: ChainedEvent[] = [];
  let head = last;
  for (const event of events) {
    const moved = await rechainEvent(head, event, sha256);
    rechained.push(moved);
    head = { seq: moved.seq, hash: moved.hash };
  }
  return rechained;
}
