import type { ChainedEvent } from "../../domain/audit-chain.ts";
import { readId } from "../../domain/ids.ts";
import { readWebhookMessage } from "../../domain/webhook-message.ts";
import { type FanOutDeps, fanOutEvents } from "../../services/webhooks/fan-out-events.ts";
import type { Chore } from "./chore.ts";
import { createSqlFanOutQueue } from "./fan-out-queue.ts";

export interface FanOutOptions extends Omit<FanOutDeps, "queue" | "workspaceId"> {
  /** Whose events these are. */
  readonly chain: () => string;
}

/** The part of an audit log that brings its events to the workspace's webhooks. */
export interface FanOut {
  /** Keeps what may have to be sent, in the same write as the events themselves. */
  hear(events: readonly ChainedEvent[]): void;
  /** A webhook is about to be made or activated: from here on the log looks for it. */
  expect(): void;
  readonly chore: Chore;
}

export function createFanOut(storage: Pick<DurableObjectStorage, "sql">, options: FanOutOptions): FanOut {
  const { chain, nowMs } = options;
  const queue = createSqlFanOutQueue(storage, nowMs);
  /** Null for the events of nobody's workspace, which are nobody's to be told. */
  const workspaceId = () => readId("wsp", chain());

  return {
    hear(events) {
      const id = workspaceId();
      // Most workspaces have no webhook, and their events cost one look here.
      if (id === null || queue.knowsNone()) return;
      for (const { text } of events) {
        const message = readWebhookMessage(id, text);
        if (message !== null) queue.add(message);
      }
    },
    expect: () => queue.expect(),
    chore: {
      name: "hand events over to webhooks",
      dueMs: (soonMs) => queue.dueMs(soonMs),
      async run() {
        const id = workspaceId();
        if (id !== null && queue.dueMs(nowMs()) <= nowMs()) await fanOutEvents({ ...options, queue, workspaceId: id });
      },
    },
  };
}
