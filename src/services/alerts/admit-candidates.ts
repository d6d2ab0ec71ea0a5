import { isOneOf, type Subscriber, subscriberKey } from "../../domain/alert-subscriber.ts";
import { AppError } from "../../domain/errors.ts";
import type { EpochSeconds } from "../../domain/time.ts";
import { type ProofDeps, proveWithin } from "./prove-subscribers.ts";

/** Somebody who waits to be let in. */
export interface Candidate {
  readonly subscriber: Subscriber;
  /** @param verdict Until when they may listen (null = without end); or that they may not, or that nobody can tell. */
  readonly answer: (verdict: EpochSeconds | null | "refused" | "unknown") => void;
}

/** One proof at a time answers for everybody who had come when it began. */
export interface Admissions {
  /** Proves a candidate and answers it in the very step that ends the proof. */
  queue(candidate: Candidate): void;
  /** Whoever of `ids` waits to be let in must be proven by a proof that begins from now on. */
  distrust(ids: ReadonlySet<string>): void;
}

/** As long as any other request waits for the database: under load, a late socket is better than none. */
const ADMISSION_TIMEOUT_MS = 10_000;

export function createAdmissions(deps: Pick<ProofDeps, "prove" | "within">): Admissions {
  const waiting = new Set<Candidate>();
  /** Something happened to them since the proof began. */
  const distrusted = new Set<Candidate>();
  let isRunning = false;

  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    try {
      while (waiting.size > 0) await proveRound();
    } finally {
      isRunning = false;
    }
  }

  async function proveRound(): Promise<void> {
    const candidates = [...waiting];
    distrusted.clear();
    const asked = candidates.map(({ subscriber }) => subscriber);
    const proof = await proveWithin(deps, ADMISSION_TIMEOUT_MS, asked);
    // Nothing is awaited from here on: what is heard was heard before, or concerns a socket that is known.
    for (const candidate of candidates) {
      if (proof !== null && distrusted.has(candidate)) continue;
      waiting.delete(candidate);
      const expiresAt = proof?.get(subscriberKey(candidate.subscriber));
      candidate.answer(proof === null ? "unknown" : expiresAt === undefined ? "refused" : expiresAt);
    }
  }

  return {
    queue: (candidate) => {
      waiting.add(candidate);
      void run();
    },
    distrust: (ids) => {
      for (const candidate of waiting) if (isOneOf(candidate.subscriber, ids)) distrusted.add(candidate);
    },
  };
}

/** The verdict on a candidate as a caller wants it. @throws `unauthenticated`; `database_unavailable` */
export function requireAdmitted(subscriber: Subscriber, verdict: Parameters<Candidate["answer"]>[0]): Subscriber {
  if (verdict === "refused") throw new AppError("unauthenticated", "Sign in, or send a valid credential.");
  if (verdict === "unknown") throw new AppError("database_unavailable", "The database did not answer; try again.");
  return { ...subscriber, expiresAt: verdict };
}
