import { CLOSE_CODE } from "../../domain/alert-frames.ts";
import { type Subscriber, subscriberKey } from "../../domain/alert-subscriber.ts";
import { type Proof, type ProofDeps, proveWithin } from "./prove-subscribers.ts";

/** One proof at a time settles all doubts there were when it began. Admissions do not share it: they may wait longer. */
export interface Doubts {
  /**
   * Proves again whose sockets are open, and closes those that may not be.
   *
   * @param untilMs When to close them unproven, if the database does not answer; Infinity = do not even ask twice.
   */
  reprove(subscribers: readonly Subscriber[], untilMs: number): void;
}

/** One proof. The database's own patience is longer than ours may be. */
const PROOF_TIMEOUT_MS = 2000;
const RETRY_MS = 500;

interface Doubt {
  readonly subscriber: Subscriber;
  readonly untilMs: number;
}

type Waiting = Map<string, Doubt>;

export function createDoubts(deps: ProofDeps): Doubts {
  const waiting: Waiting = new Map();
  let isRunning = false;

  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    try {
      while (waiting.size > 0) {
        const isProven = await proveRound(deps, waiting);
        if (!isProven && waiting.size > 0) await deps.sleep(RETRY_MS);
      }
    } finally {
      isRunning = false;
    }
  }

  return {
    reprove: (subscribers, untilMs) => {
      for (const subscriber of subscribers) {
        const key = subscriberKey(subscriber);
        // An urgent doubt stays urgent.
        const before = waiting.get(key)?.untilMs ?? Infinity;
        waiting.set(key, { subscriber, untilMs: Math.min(before, untilMs) });
      }
      void run();
    },
  };
}

/** False when nobody could be proven, because the database does not answer. */
async function proveRound(deps: ProofDeps, waiting: Waiting): Promise<boolean> {
  const doubts = new Map(waiting);
  const asked = [...doubts.values()].map(({ subscriber }) => subscriber);
  const proof = await proveWithin(deps, PROOF_TIMEOUT_MS, asked);
  if (proof === null) dropOverdue(deps, waiting, doubts);
  else settleDoubts(deps, waiting, doubts, proof);
  return proof !== null;
}

/** Without a proof, a doubt ends when its time is up: by closing, unless it was routine. */
function dropOverdue({ sockets, nowMs }: ProofDeps, waiting: Waiting, doubts: ReadonlyMap<string, Doubt>): void {
  const overdue = new Set<string>();
  for (const [key, doubt] of doubts) {
    const isRoutine = doubt.untilMs === Infinity;
    if (waiting.get(key) !== doubt || !(isRoutine || doubt.untilMs <= nowMs())) continue;
    waiting.delete(key);
    if (!isRoutine) overdue.add(key);
  }
  for (const socket of [...sockets()]) {
    if (overdue.has(subscriberKey(socket.subscriber()))) {
      socket.close(CLOSE_CODE.refused, "the credential changed and cannot be checked at the moment");
    }
  }
}

function settleDoubts(
  { sockets, nowMs }: ProofDeps,
  waiting: Waiting,
  doubts: ReadonlyMap<string, Doubt>,
  proof: Proof,
): void {
  for (const [key, doubt] of doubts) if (waiting.get(key) === doubt) waiting.delete(key);
  for (const socket of [...sockets()]) {
    const key = subscriberKey(socket.subscriber());
    if (!doubts.has(key)) continue;
    const expiresAt = proof.get(key);
    if (expiresAt === undefined) socket.close(CLOSE_CODE.refused, "the credential was revoked or may no longer listen");
    else socket.confirm(expiresAt, nowMs());
  }
}
