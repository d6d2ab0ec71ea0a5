import { LEASED_FROM, type Limit, type LimitDecision, type LimitName } from "../domain/limits.ts";
import type { LabelsOf } from "../domain/metric.ts";
import type { Limiter } from "../domain/ports/limiter.ts";
import type { Metrics } from "../domain/ports/metrics.ts";
import type { Settings } from "../domain/settings.ts";
import type { RateLimiterObject } from "../domain/sliding-window.ts";
import type { Asked, LimitLeases, LocalDecision } from "./memory/limit-leases.ts";
import type { LocalBuckets } from "./memory/local-buckets.ts";

export interface LimiterOptions {
  /** The `RateLimiter` object of that name. */
  readonly find: (name: string) => RateLimiterObject;
  readonly limits: Settings["limits"];
  /** SHA-256 in lower-case hex: an object's name says nothing about the caller. */
  readonly sha256: (text: string) => Promise<string>;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** One per isolate. */
  readonly leases: LimitLeases;
  /** One per isolate. */
  readonly buckets: LocalBuckets;
  readonly metrics: Pick<Metrics, "count">;
}

/** Who decided: a lease in memory (or a refusal remembered there), the object, or the isolate for want of an answer. */
type Source = LabelsOf<"aurora_limit_decisions_total">["source"];

/** Guessing must not become free while the limiter is down; everything else must go on working. */
const CLOSED: ReadonlySet<LimitName> = new Set([
  "login_account",
  "login_address",
  "register_address",
  "change_password",
]);
/** An object answers in a few milliseconds; one that takes longer is down for whoever waits. */
const PATIENCE_MS = 500;
/** A lease is spent for this long at most, or for this part of a shorter window. */
const SPEND_MS = 1000;
const SPEND_PART_OF_WINDOW = 10;
/** The object counts a lease for longer than it is spent: an isolate's clock stands still while it computes. */
const LEASE_PER_SPEND = 1.5;
const BATCH_PART_OF_LIMIT = 10;

/**
 * A limiter kept by `RateLimiter` objects. Limits of {@link LEASED_FROM} and more are spent from leases held in this
 * isolate's memory, so that most calls pay no hop; smaller ones ask the object for each call it might allow.
 * A refusal is remembered as long as it stands: a flood of refused calls costs the object nothing.
 */
export function createLimiter(options: LimiterOptions): Limiter {
  return {
    take: async (name, key) => {
      const limit = options.limits[name];
      const id = `${name}:${key}`;
      const known = options.leases.decide(id, options.nowMs());
      const { decided, source } = known ? { decided: known, source: "lease" as const } : await ask(options, name, key);
      const decision = decided.allowed ? "allowed" : "refused";
      options.metrics.count("aurora_limit_decisions_total", { bucket: name, decision, source });
      return toDecision(limit, decided, source === "alone");
    },
  };
}

async function ask(
  options: LimiterOptions,
  name: LimitName,
  key: string,
): Promise<{ readonly decided: LocalDecision; readonly source: Source }> {
  const limit = options.limits[name];
  try {
    return { decided: await askObject(options, limit, name, key), source: "object" };
  } catch {
    // What is lost is exactness: isolates count apart until the object answers again.
    return { decided: decideAlone(options, limit, name, `${name}:${key}`), source: "alone" };
  }
}

/** @throws whatever the object throws, or RangeError when it does not answer in time; what it granted is then lost. */
async function askObject(options: LimiterOptions, limit: Limit, name: LimitName, key: string): Promise<LocalDecision> {
  const object = options.find(`${name}:${await options.sha256(key)}`);
  const id = `${name}:${key}`;
  const maxBatch = limit.limit < LEASED_FROM ? 1 : Math.floor(limit.limit / BATCH_PART_OF_LIMIT);
  const decided =
    (await askOnce(options, limit, id, object, maxBatch)) ?? (await askOnce(options, limit, id, object, 1));
  return decided ?? { allowed: false, remaining: 0, resetMs: SPEND_MS };
}

/** Null when asking once more may help. */
async function askOnce(
  { leases, nowMs }: LimiterOptions,
  { limit, windowSeconds }: Limit,
  id: string,
  object: RateLimiterObject,
  maxBatch: number,
): Promise<LocalDecision | null> {
  const windowMs = windowSeconds * 1000;
  const spendMs = limit < LEASED_FROM ? 0 : Math.min(SPEND_MS, Math.floor(windowMs / SPEND_PART_OF_WINDOW));
  const atMs = nowMs();
  const asked: Asked = { ...leases.ask(id, maxBatch, atMs), atMs, spendMs };
  const { count, unspent } = asked;
  const leaseMs = Math.ceil(spendMs * LEASE_PER_SPEND);
  return leases.keep(id, asked, await inTime(object.take({ limit, windowMs, count, unspent, leaseMs })), nowMs());
}

function decideAlone(options: LimiterOptions, limit: Limit, name: LimitName, id: string): LocalDecision {
  const windowMs = limit.windowSeconds * 1000;
  if (!CLOSED.has(name)) return { allowed: true, remaining: limit.limit - 1, resetMs: windowMs };
  const { granted, remaining, resetMs } = options.buckets.take(id, limit.limit, windowMs, options.nowMs());
  return { allowed: granted > 0, remaining, resetMs };
}

function toDecision(limit: Limit, { allowed, remaining, resetMs }: LocalDecision, degraded: boolean): LimitDecision {
  const seconds = Math.max(Math.ceil(resetMs / 1000), 1);
  // A lease is counted past its window; nobody has to know. A refused caller is told the whole wait.
  const resetSeconds = allowed ? Math.min(seconds, limit.windowSeconds) : seconds;
  return { allowed, limit: limit.limit, remaining, resetSeconds, degraded };
}

async function inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RangeError("the limiter did not answer in time")), PATIENCE_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
