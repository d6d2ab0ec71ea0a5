import type { AttemptRecord, DueDelivery, PostAnswer } from "./ports/webhooks.ts";
import { addSeconds, type EpochSeconds } from "./time.ts";
import { retryDelaySeconds } from "./webhook-retry.ts";

/** The receiver wants no more of it. */
const GONE = 410;
/** The receiver has too much to do: whatever else waits for it waits a moment too. */
const THROTTLED = [429, 502, 503, 504];
const MIN_HOLD_SECONDS = 5;
/** One receiver's word about one delivery must not keep the others for longer. */
const MAX_HOLD_SECONDS = 3600;
/** No delivery got through for so long: it is not the receiver's bad day. Longer than the schedule of one delivery. */
const DAYS_OF_FAILING_SECONDS = 5 * 86_400;

/** What became of a try, and when the next one is. */
export interface TryFacts {
  readonly answer: PostAnswer;
  /** When it was made. */
  readonly at: EpochSeconds;
  /** What the answer asked for; null = nothing. */
  readonly retryAfterSeconds: number | null;
  /** 0 ≤ n < 1. */
  readonly random: number;
}

/** What follows from a try: any 2xx is success, anything else is tried again until the schedule ends, or 410. */
export function planAttempt({ id, attempts }: DueDelivery, facts: TryFacts): AttemptRecord {
  const { answer, at, retryAfterSeconds, random } = facts;
  const lastStatus = answer.kind === "answered" ? answer.status : null;
  const lastError = answer.kind === "unanswered" ? answer.reason : null;
  const attempt = { id, attemptsBefore: attempts, lastStatus, lastError, at };
  if (lastStatus !== null && lastStatus >= 200 && lastStatus < 300) {
    return { ...attempt, status: "delivered", nextAttemptAt: null };
  }
  const delay = lastStatus === GONE ? null : retryDelaySeconds(attempts + 1, random, retryAfterSeconds);
  if (delay === null) return { ...attempt, status: "failed", nextAttemptAt: null };
  return { ...attempt, status: "pending", nextAttemptAt: addSeconds(at, delay) };
}

/** Until when everything for this receiver waits; null = nothing does. */
export function holdOffUntil({ answer, at, retryAfterSeconds }: TryFacts): EpochSeconds | null {
  if (answer.kind === "unanswered" || !THROTTLED.includes(answer.status)) return null;
  return addSeconds(at, Math.min(Math.max(retryAfterSeconds ?? 0, MIN_HOLD_SECONDS), MAX_HOLD_SECONDS));
}

/** Why the webhook is to be deactivated after this try; null = it is not. */
export function endingOf(attempt: AttemptRecord, failingSince: EpochSeconds | null): "gone" | "failing" | null {
  if (attempt.lastStatus === GONE) return "gone";
  if (attempt.status !== "failed" || failingSince === null) return null;
  return attempt.at - failingSince >= DAYS_OF_FAILING_SECONDS ? "failing" : null;
}
