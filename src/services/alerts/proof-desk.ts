import { CLOSE_CODE } from "../../domain/alert-frames.ts";
import { isOneOf, type Subscriber, subscriberKey } from "../../domain/alert-subscriber.ts";
import { AppError } from "../../domain/errors.ts";
import type { EpochSeconds } from "../../domain/time.ts";
import type { AlertSocket } from "./alert-socket.ts";
import type { Proof } from "./prove-subscribers.ts";

export interface ProofDeskDeps {
  readonly sockets: () => Iterable<AlertSocket>;
  /** Who of these may listen now. @throws `database_unavailable` */
  readonly prove: (subscribers: readonly Subscriber[]) => Promise<Proof>;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** What `work` gives, or null when that takes longer than `ms`. */
  readonly within: <Result>(ms: number, work: Promise<Result>) => Promise<Result | null>;
}

/** Somebody who waits to be let in. */
export interface Candidate {
  readonly subscriber: Subscriber;
  /** @param verdict Until when they may listen (null = without end); or that they may not, or that nobody can tell. */
  readonly answer: (verdict: EpochSeconds | null | "refused" | "unknown") => void;
}

/** One proof at a time answers for everybody who waits for one. */
export interface ProofDesk {
  /** Proves a candidate and answers it in the very step that ends the proof. */
  queue(candidate: Candidate): void;
  /** Whoever of `ids` waits to be let in must be proven by a proof that begins from now on. */
  distrust(ids: ReadonlySet<string>): void;
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

/** What waits for a proof. */
interface Queue {
  readonly candidates: Set<Candidate>;
  /** Something happened to them since the proof began. */
  readonly distrusted: Set<Candidate>;
  readonly doubts: Map<string, Doubt>;
}

export function createProofDesk(deps: ProofDeskDeps): ProofDesk {
  const queue: Queue = { candidates: new Set(), distrusted: new Set(), doubts: new Map() };
  let isRunning = false;

  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    try {
      while (queue.candidates.size + queue.doubts.size > 0) {
        const isProven = await proveRound(deps, queue);
        if (!isProven && queue.doubts.size > 0) await deps.sleep(RETRY_MS);
      }
    } finally {
      isRunning = false;
    }
  }

  return {
    queue: (candidate) => {
      queue.candidates.add(candidate);
      void run();
    },
    distrust: (ids) => {
      for (const candidate of queue.candidates) {
        if (isOneOf(candidate.subscriber, ids)) queue.distrusted.add(candidate);
      }
    },
    reprove: (subscribers, untilMs) => {
      for (const subscriber of subscribers) {
        const key = subscriberKey(subscriber);
        // An urgent doubt stays urgent.
        const before = queue.doubts.get(key)?.untilMs ?? Infinity;
        queue.doubts.set(key, { subscriber, untilMs: Math.min(before, untilMs) });
      }
      if (subscribers.length > 0) void run();
    },
  };
}

/** False when nobody could be proven, because the database does not answer. */
async function proveRound(deps: ProofDeskDeps, queue: Queue): Promise<boolean> {
  const candidates = [...queue.candidates];
  const doubts = new Map(queue.doubts);
  queue.distrusted.clear();
  const asked = [...candidates, ...doubts.values()].map(({ subscriber }) => subscriber);
  const proof = await tryProof(deps, asked);
  // Nothing is awaited from here on: what is heard was heard before, or concerns a socket that is known.
  answerCandidates(queue, candidates, proof);
  if (proof === null) dropOverdue(deps, queue, doubts);
  else settleDoubts(deps, queue, doubts, proof);
  return proof !== null;
}

async function tryProof({ prove, within }: ProofDeskDeps, subscribers: readonly Subscriber[]): Promise<Proof | null> {
  try {
    return await within(PROOF_TIMEOUT_MS, prove(subscribers));
  } catch {
    // Nothing is lost: candidates are told, doubts stay until their time is up.
    return null;
  }
}

function answerCandidates(queue: Queue, candidates: readonly Candidate[], proof: Proof | null): void {
  for (const candidate of candidates) {
    if (proof !== null && queue.distrusted.has(candidate)) continue;
    queue.candidates.delete(candidate);
    const expiresAt = proof?.get(subscriberKey(candidate.subscriber));
    candidate.answer(proof === null ? "unknown" : expiresAt === undefined ? "refused" : expiresAt);
  }
}

/** Without a proof, a doubt ends when its time is up: by closing, unless it was routine. */
function dropOverdue({ sockets, nowMs }: ProofDeskDeps, queue: Queue, doubts: ReadonlyMap<string, Doubt>): void {
  const overdue = new Set<string>();
  for (const [key, doubt] of doubts) {
    const isRoutine = doubt.untilMs === Infinity;
    if (queue.doubts.get(key) !== doubt || !(isRoutine || doubt.untilMs <= nowMs())) continue;
    queue.doubts.delete(key);
    if (!isRoutine) overdue.add(key);
  }
  for (const socket of [...sockets()]) {
    if (overdue.has(subscriberKey(socket.subscriber()))) {
      socket.close(CLOSE_CODE.refused, "the credential changed and cannot be checked at the moment");
    }
  }
}

function settleDoubts(
  { sockets, nowMs }: ProofDeskDeps,
  queue: Queue,
  doubts: ReadonlyMap<string, Doubt>,
  proof: Proof,
): void {
  for (const [key, doubt] of doubts) if (queue.doubts.get(key) === doubt) queue.doubts.delete(key);
  for (const socket of [...sockets()]) {
    const key = subscriberKey(socket.subscriber());
    if (!doubts.has(key)) continue;
    const expiresAt = proof.get(key);
    if (expiresAt === undefined) socket.close(CLOSE_CODE.refused, "the credential was revoked or may no longer listen");
    else socket.confirm(expiresAt, nowMs());
  }
}

/** The verdict on a candidate as a caller wants it. @throws `unauthenticated`; `database_unavailable` */
export function requireAdmitted(subscriber: Subscriber, verdict: Parameters<Candidate["answer"]>[0]): Subscriber {
  if (verdict === "refused") throw new AppError("unauthenticated", "Sign in, or send a valid credential.");
  if (verdict === "unknown") throw new AppError("database_unavailable", "The database did not answer; try again.");
  return { ...subscriber, expiresAt: verdict };
}
