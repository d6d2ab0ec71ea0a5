import { CLOSE_CODE } from "../../domain/alert-frames.ts";
import { isOneOf, type Subscriber, subscriberKey } from "../../domain/alert-subscriber.ts";
import { createAdmissions, requireAdmitted } from "./admit-candidates.ts";
import type { AlertSocket } from "./alert-socket.ts";
import type { ProofDeps } from "./prove-subscribers.ts";
import { createDoubts } from "./settle-doubts.ts";

/** Keeps the sockets open of those only who may listen. */
export interface SubscriberWatch {
  /**
   * Proves somebody who wants a socket.
   *
   * @param enter Called in the very step that ends the proof, so that nothing happens to the credential in between and
   *              goes unheard. It must have made the socket known when it returns.
   * @throws      `unauthenticated` when they may not listen; `database_unavailable`
   */
  admit<Result>(subscriber: Subscriber, enter: (proven: Subscriber) => Result): Promise<Result>;
  /** Something happened to these users, sessions and keys: proves again whose sockets it may concern. */
  doubt(ids: readonly string[]): void;
  /** When a credential ends, or it is time to prove everybody again. Infinity = nobody listens. */
  dueMs(): number;
  /** Closes what has expired, and begins to prove everybody when it is time. */
  run(): void;
}

/** What goes unheard, such as a row changed by hand, is found within this time. */
const ROUTINE_MS = 60_000;
/** Whoever is due within it is proven with the rest, not by an alarm of its own. */
const ROUTINE_SLACK_MS = 1000;
/** With a proof under way before and one after, a revoked credential is out within five seconds, database or not. */
const DOUBT_MS = 2500;

export function createSubscriberWatch(deps: ProofDeps): SubscriberWatch {
  const admissions = createAdmissions(deps);
  const doubts = createDoubts(deps);
  let routineNotBeforeMs = 0;

  const routineMs = (socket: AlertSocket) => Math.max(socket.provenAtMs() + ROUTINE_MS, routineNotBeforeMs);
  return {
    admit: (subscriber, enter) => {
      const { promise, resolve, reject } = Promise.withResolvers<ReturnType<typeof enter>>();
      admissions.queue({
        subscriber,
        answer: (verdict) => {
          try {
            resolve(enter(requireAdmitted(subscriber, verdict)));
          } catch (error) {
            reject(error);
          }
        },
      });
      return promise;
    },
    doubt: (raw) => {
      const ids = new Set(raw);
      admissions.distrust(ids);
      doubts.reprove(
        listSubscribers(deps.sockets()).filter((subscriber) => isOneOf(subscriber, ids)),
        deps.nowMs() + DOUBT_MS,
      );
    },
    dueMs: () =>
      [...deps.sockets()].reduce((due, socket) => Math.min(due, routineMs(socket), expiryMs(socket)), Infinity),
    run: () => {
      const nowMs = deps.nowMs();
      closeExpired(deps.sockets(), nowMs);
      const sockets = [...deps.sockets()];
      if (!sockets.some((socket) => routineMs(socket) <= nowMs + ROUTINE_SLACK_MS)) return;
      // Whether it succeeds or not: while the database is away, nothing can be revoked there either.
      routineNotBeforeMs = nowMs + ROUTINE_MS;
      doubts.reprove(listSubscribers(sockets), Infinity);
    },
  };
}

/** Each once, however many sockets it has. */
function listSubscribers(sockets: Iterable<AlertSocket>): readonly Subscriber[] {
  const byKey = new Map<string, Subscriber>();
  for (const socket of sockets) byKey.set(subscriberKey(socket.subscriber()), socket.subscriber());
  return [...byKey.values()];
}

function closeExpired(sockets: Iterable<AlertSocket>, nowMs: number): void {
  for (const socket of [...sockets]) {
    if (expiryMs(socket) <= nowMs) socket.close(CLOSE_CODE.refused, "the credential has expired");
  }
}

function expiryMs(socket: AlertSocket): number {
  const { expiresAt } = socket.subscriber();
  return expiresAt === null ? Infinity : expiresAt * 1000;
}
