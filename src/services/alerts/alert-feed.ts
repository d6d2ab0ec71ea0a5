import type { ChainedEvent } from "../../domain/audit-chain.ts";
import { createBacklog, type FeedDeps } from "./backlog.ts";
import { createReader } from "./read-stored-events.ts";
import { createSender } from "./send-events-at-hand.ts";

/** Brings events to sockets: each socket every event after its cursor, once, in order. */
export interface AlertFeed {
  /** Takes note of events just recorded; they are sent after this has returned. */
  hear(events: readonly ChainedEvent[]): void;
  /** Sees to sockets that may be behind; returns at once. */
  wake(): void;
}

/**
 * Two loops share the work. One sends what is at hand, to whoever has everything before it; it never waits for anybody.
 * The other reads from the store for those who are further behind, a page at a time, in turns.
 */
export function createAlertFeed(deps: FeedDeps): AlertFeed {
  const work = { ...deps, backlog: createBacklog(deps.log) };
  const sender = createSender(work, () => reader.wake());
  const reader = createReader(work, () => sender.wake());
  return {
    hear: (events) => {
      work.backlog.hear(events);
      sender.wake();
    },
    wake: () => {
      sender.wake();
      reader.wake();
    },
  };
}
