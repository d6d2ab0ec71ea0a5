import { nowMs, sleep, within } from "../../clock.ts";
import { NO_CLOSE } from "../../domain/alert-frames.ts";
import { listDoubtful } from "../../domain/alert-subscriber.ts";
import type { ChainedEvent } from "../../domain/audit-chain.ts";
import { UNAUTHENTICATED_CHAIN } from "../../domain/audit-event.ts";
import { AppError } from "../../domain/errors.ts";
import { toOutcome } from "../../domain/outcome.ts";
import { type AlertOpening, OPENING_HEADER } from "../../domain/ports/alerts.ts";
import { createAlertFeed } from "../../services/alerts/alert-feed.ts";
import { type ProofDeps, proveSubscribers } from "../../services/alerts/prove-subscribers.ts";
import { createSubscriberWatch } from "../../services/alerts/watch-subscribers.ts";
import type { Deps } from "../../services/deps.ts";
import type { Chore } from "./chore.ts";
import type { SqlOutbox } from "./outbox.ts";
import { hearFrame } from "./sockets-frames.ts";
import { createFeedLog } from "./sockets-log.ts";
import type { SocketState } from "./sockets-open.ts";
import { createSocketRegistry, type SocketRegistry } from "./sockets-registry.ts";
import { createTickets, type Tickets } from "./sockets-tickets.ts";

/** What an object that serves sockets gives them. */
export interface SocketHost {
  readonly ctx: DurableObjectState;
  readonly outbox: SqlOutbox;
  /** Made at each use: they belong to an event. @throws `misconfigured` */
  readonly deps: () => Pick<Deps, "alerts" | "auditEvents" | "liveCredentials" | "settings">;
  /** Wakes the object for its chores; they are due at another time than before. */
  readonly reschedule: () => void;
}

/** The sockets of a chain: who follows it, and what its events do to them. */
export interface AlertSockets {
  /** Answers an upgrade, which only our own Worker can ask for. */
  open(request: Request): Promise<Response>;
  hearFrame(ws: WebSocket, frame: string | ArrayBuffer): void;
  hearClose(ws: WebSocket, code: number, reason: string): void;
  hearError(ws: WebSocket): void;
  /** Returns before anything is sent. */
  hearEvents(events: readonly ChainedEvent[]): void;
  /** Proves again whoever it may concern. */
  doubt(ids: readonly string[]): void;
  readonly tickets: Tickets;
  readonly chores: readonly Chore[];
}

/** How many may follow one chain: twice as many as are seen to hold. */
const MAX_SOCKETS = 2000;

export function createAlertSockets(host: SocketHost): AlertSockets {
  const parts = createParts(host);
  const { registry, feed, watch, tickets } = parts;
  // After a sleep nobody is behind; after a start in the middle of something, somebody may be.
  if (registry.size() > 0) feed.wake();
  return {
    open: (request) => open(host, parts, JSON.parse(request.headers.get(OPENING_HEADER) ?? "") as AlertOpening),
    hearFrame: (ws, frame) => {
      const socket = registry.find(ws);
      if (socket) hearFrame(socket, frame, host.deps().settings.limits.alert_frames, nowMs());
    },
    hearClose: (ws, code, reason) => {
      registry.remove(ws);
      answerClose(ws, code, reason);
    },
    hearError: registry.remove,
    hearEvents: (events) => {
      feed.hear(events);
      const ids = listDoubtful(events);
      if (ids.length > 0) tellOfDoubts(host, watch.doubt, ids);
    },
    doubt: watch.doubt,
    tickets,
    chores: [{ name: "prove who follows", dueMs: watch.dueMs, run: async () => watch.run() }, tickets.chore],
  };
}

type Parts = ReturnType<typeof createParts>;

function createParts(host: SocketHost) {
  const registry = createSocketRegistry(host.ctx, host.reschedule);
  const { sockets } = registry;
  const log = createFeedLog(host.outbox, () => host.deps().auditEvents);
  const prove: ProofDeps["prove"] = (subscribers) => proveSubscribers(host.deps(), subscribers);
  return {
    registry,
    log,
    feed: createAlertFeed({ log, sockets, nowMs, sleep }),
    watch: createSubscriberWatch({ prove, sockets, nowMs, sleep, within }),
    tickets: createTickets(host.ctx.storage),
  };
}

async function open(host: SocketHost, parts: Parts, { chain, subscriber, after }: AlertOpening): Promise<Response> {
  const { registry, log, feed, watch } = parts;
  host.outbox.rememberChain(chain);
  const outcome = await toOutcome(() =>
    watch.admit(subscriber, (proven) => {
      const cursor = after ?? log.headSeq();
      return accept(host, registry, { subscriber: proven, cursor, provenAtMs: nowMs() });
    }),
  );
  if (!outcome.ok) return Response.json(outcome);
  feed.wake();
  host.reschedule();
  return new Response(null, { status: 101, webSocket: outcome.value });
}

/** The client's end of a new socket. @throws `rate_limited` when there is no room for one more */
function accept(
  { ctx }: SocketHost,
  registry: SocketRegistry,
  begin: Pick<SocketState, "subscriber" | "cursor" | "provenAtMs">,
): WebSocket {
  if (registry.size() >= MAX_SOCKETS) {
    throw new AppError("rate_limited", `Already ${MAX_SOCKETS} sockets follow this log.`, { retryAfterSeconds: 60 });
  }
  const { 0: theirs, 1: ours } = new WebSocketPair();
  ctx.acceptWebSocket(ours);
  registry.add(ours, { ...begin, actions: [], frameTimes: [], owedBytes: 0, sentBytes: 0 });
  return theirs;
}

/** The operator's people may follow the chain of nobody's events, whose object does not hear what happens to them. */
function tellOfDoubts(
  { outbox, deps }: SocketHost,
  doubt: (ids: readonly string[]) => void,
  ids: readonly string[],
): void {
  doubt(ids);
  const { settings, alerts } = deps();
  if (outbox.chain() === settings.operatorWorkspaceId) void alerts.doubt(UNAUTHENTICATED_CHAIN, ids);
}

/** The runtime leaves it to us to answer a close; without, the client's side would look broken. */
function answerClose(ws: WebSocket, code: number, reason: string): void {
  if (code === NO_CLOSE.broken) return;
  try {
    if (code === NO_CLOSE.noStatus) ws.close();
    else ws.close(code, reason);
  } catch {
    // We closed it first: both sides know.
  }
}
