import { type DeliveryId, readId, type WorkspaceId } from "../../domain/ids.ts";
import type { DeliveryQueue, Listener, NewDelivery, WebhookSenders } from "../../domain/ports/webhooks.ts";
import { isSubscribed, type WebhookBinding } from "../../domain/webhook.ts";
import type { WebhookMessage } from "../../domain/webhook-message.ts";

/** What a workspace's log keeps of its events until their deliveries are in Postgres. */
export interface FanOutQueue {
  /** The oldest first. */
  waiting(limit: number): readonly WebhookMessage[];
  /** Drops what waits up to and with `seq`. */
  forget(seq: number): void;
  /** Notes that the workspace has no webhook, unless one is expected. */
  rememberNone(): void;
  /** How often in a row Postgres did not answer. */
  failures(): number;
  keepFailures(failures: number, retryAtMs: number): void;
}

export interface FanOutDeps {
  readonly queue: FanOutQueue;
  readonly workspaceId: WorkspaceId;
  /** Found only when there is something to hand over; may throw, as the stores themselves. */
  readonly stores: () => {
    readonly webhookDeliveries: Pick<DeliveryQueue, "listListeners" | "add">;
    readonly webhookSenders: WebhookSenders;
  };
  readonly sha256: (text: string) => Promise<string>;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

const BATCH = 50;
const FIRST_BACKOFF_MS = 1000;
/** No event waits longer than this once Postgres is back. */
const MAX_BACKOFF_MS = 30_000;

/**
 * Makes a delivery of each event for each webhook that asked for it, and wakes their senders. Callers go one at a time.
 *
 * An event is forgotten once its deliveries are in Postgres; a crash before that repeats it under the same ids.
 *
 * @throws `database_unavailable` when Postgres does not answer: what is left stays, with a time to try again.
 */
export async function fanOutEvents(deps: FanOutDeps): Promise<void> {
  const { queue, nowMs } = deps;
  try {
    for (let events = queue.waiting(BATCH); events.length > 0; events = queue.waiting(BATCH)) {
      await handOver(deps, events);
      queue.forget(events.at(-1)?.seq ?? 0);
    }
  } catch (error) {
    const failures = queue.failures();
    queue.keepFailures(failures + 1, nowMs() + Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS));
    throw error;
  }
  if (queue.failures() > 0) queue.keepFailures(0, 0);
}

async function handOver(deps: FanOutDeps, events: readonly WebhookMessage[]): Promise<void> {
  const { queue, workspaceId } = deps;
  const { webhookDeliveries, webhookSenders } = deps.stores();
  const listeners = await webhookDeliveries.listListeners(workspaceId);
  if (listeners.length === 0) return queue.rememberNone();
  const deliveries = await planDeliveries(deps, listeners, events);
  if (deliveries.length === 0) return;
  await webhookDeliveries.add(workspaceId, deliveries);
  const ids = new Set(deliveries.map(({ webhookId }) => webhookId));
  const bindings = Array.from(ids, (id): WebhookBinding => ({ id, workspaceId }));
  await Promise.all(bindings.map((binding) => webhookSenders.nudge(binding)));
}

async function planDeliveries(
  deps: FanOutDeps,
  listeners: readonly Listener[],
  events: readonly WebhookMessage[],
): Promise<readonly NewDelivery[]> {
  const pairs = events.flatMap((message) =>
    listeners
      .filter(({ events: wanted, afterSeq }) => message.seq > afterSeq && isSubscribed(wanted, message.event))
      .map((listener) => ({ message, listener })),
  );
  return Promise.all(
    pairs.map(async ({ message, listener }) => ({
      id: await createDeliveryId(deps, listener, message.seq),
      webhookId: listener.id,
      ...message,
    })),
  );
}

/** 128 bits and the hex digits that spell them. */
const ID_HEX_DIGITS = 32;

/** The same for the same event and webhook, so that a repeat is recognised here and by the receiver. */
async function createDeliveryId(deps: FanOutDeps, listener: Listener, seq: number): Promise<DeliveryId> {
  const digest = await deps.sha256(`${deps.workspaceId}|${seq}|${listener.id}`);
  const id = readId("msg", `msg_${digest.slice(0, ID_HEX_DIGITS)}`);
  if (id === null) throw new Error("a digest is not in lower-case hex");
  return id;
}
