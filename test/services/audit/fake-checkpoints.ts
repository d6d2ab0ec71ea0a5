import {
  type AuditCheckpointStore,
  type ChainHead,
  type ChainMemory,
  type Checkpoint,
  EMPTY_CHAIN,
} from "../../../src/domain/audit-chain.ts";
import { isCheckpointSeq } from "../../../src/domain/audit-checkpoint.ts";
import type { CheckpointBook } from "../../../src/services/audit/store-checkpoints.ts";

interface FakeMark extends ChainHead {
  checkpoint: Checkpoint | null;
  isStored: boolean;
}

/** What a log remembers of its checkpoints, in memory, and the table they go to. */
export interface FakeCheckpoints {
  readonly book: Omit<CheckpointBook, "chain">;
  readonly store: AuditCheckpointStore;
  /** What the table holds; a test may tamper with it. */
  table: Checkpoint[];
  /** Answers every call with this error until it is null again. */
  outage: Error | null;
  readonly retryAtMs: () => number;
  pass(place: ChainHead): void;
  mark(place: ChainHead): void;
  memory(after: number, limit: number): ChainMemory;
  moveAnchor(place: ChainHead): void;
  keepCleared(seq: number): void;
}

export function createFakeCheckpoints(): FakeCheckpoints {
  const marks = new Map<number, FakeMark>();
  let anchor: ChainHead = EMPTY_CHAIN;
  let isCleared = true;
  let trouble = { failures: 0, retryAtMs: 0 };
  const sorted = () => [...marks.values()].sort((a, b) => a.seq - b.seq);
  const mark = ({ seq, hash }: ChainHead) => {
    if (!marks.has(seq)) marks.set(seq, { seq, hash, checkpoint: null, isStored: false });
  };

  const fake: FakeCheckpoints = {
    table: [],
    outage: null,
    retryAtMs: () => trouble.retryAtMs,
    mark,
    pass: (place) => (isCheckpointSeq(place.seq) ? mark(place) : undefined),
    memory: (after, limit) => {
      const from = Math.max(after, anchor.seq);
      const first = sorted().findLast(({ seq }) => seq <= from)?.seq ?? from;
      const found = sorted().filter(({ seq }) => seq >= first);
      const shown = found.slice(0, limit).map(({ seq, hash, checkpoint, isStored }) => ({
        seq,
        hash,
        checkpoint: isStored ? checkpoint : null,
      }));
      return { anchor, isCleared, marks: shown };
    },
    moveAnchor: ({ seq, hash }) => {
      anchor = { seq, hash };
      isCleared = false;
      for (const one of sorted()) if (one.seq < seq && one.isStored) marks.delete(one.seq);
    },
    keepCleared: (seq) => {
      if (seq === anchor.seq) isCleared = true;
    },
    book: {
      unsigned: () => sorted().filter(({ checkpoint }) => checkpoint === null),
      keepSignature: (checkpoint) => {
        const known = marks.get(checkpoint.seq);
        if (known !== undefined) known.checkpoint = checkpoint;
      },
      unstored: () => sorted().flatMap(({ checkpoint, isStored }) => (checkpoint && !isStored ? [checkpoint] : [])),
      keepStored: (checkpoints) => {
        for (const { seq } of checkpoints) {
          const known = marks.get(seq);
          if (known !== undefined) known.isStored = true;
        }
      },
      failures: () => trouble.failures,
      keepFailures: (failures, retryAtMs) => {
        trouble = { failures, retryAtMs };
      },
    },
    store: {
      insert: async (_, checkpoints) => {
        if (fake.outage !== null) throw fake.outage;
        fake.table.push(...checkpoints.filter(({ seq }) => !fake.table.some((one) => one.seq === seq)));
      },
      list: async (_, from, limit) =>
        fake.table
          .filter(({ seq }) => seq >= from)
          .sort((a, b) => a.seq - b.seq)
          .slice(0, limit),
    },
  };
  return fake;
}
