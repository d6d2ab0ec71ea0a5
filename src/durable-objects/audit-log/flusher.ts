import { nowMs } from "../../clock.ts";
import type { ChainHead } from "../../domain/audit-chain.ts";
import { flushAuditEvents } from "../../services/audit/flush-audit-events.ts";
import type { Deps } from "../../services/deps.ts";
import { adoptChain } from "./adopt.ts";
import type { SqlCheckpoints } from "./checkpoints.ts";
import type { Chore } from "./chore.ts";
import type { Line } from "./line.ts";
import type { SqlOutbox } from "./outbox.ts";

/** Brings events to Postgres. */
export interface Flusher {
  /** Brings everything that has happened, but what cannot arrive; answers the last of it. @throws `database_unavailable` */
  complete(): Promise<ChainHead>;
  readonly chore: Chore;
}

/** @param deps Made at each use: they belong to an event. */
export function createFlusher(outbox: SqlOutbox, checkpoints: SqlCheckpoints, line: Line, deps: () => Deps): Flusher {
  let flushing: Promise<readonly number[]> | null = null;

  /** Goes on behind the chain Postgres has, when this object has forgotten it. */
  async function adopt(): Promise<void> {
    // What it brought once says that it knows its chain; the line keeps others from appending meanwhile.
    if (outbox.flushedSeq() > 0) return;
    await line.run(() => adoptChain(outbox, checkpoints, deps()));
  }

  /** One flush at a time; everybody who wants one shares it. */
  function flushOnce(): Promise<readonly number[]> {
    const store = () => deps().auditEvents;
    const log = () => deps().log;
    flushing ??= flushAuditEvents({ outbox, nowMs, store, log, adopt }).finally(() => {
      flushing = null;
    });
    return flushing;
  }

  return {
    async complete() {
      await line.recordRepeats();
      // It may number anew what waits; the head is the last of what is then.
      await adopt();
      const head = outbox.head();
      // A flush that was under way may have taken its last look before the newest event came. What cannot arrive, since
      // its number is taken, is for `verify` to name.
      let taken: readonly number[] = [];
      const isWaiting = () =>
        outbox.pending(0, taken.length + 1).some(({ seq }) => seq <= head.seq && !taken.includes(seq));
      while (isWaiting()) taken = await flushOnce();
      return head;
    },
    chore: {
      name: "flush to Postgres",
      dueMs: (soonMs) => outbox.flushDueMs(soonMs),
      run: async () => {
        if (outbox.flushDueMs(nowMs()) <= nowMs()) await flushOnce();
      },
    },
  };
}
