import type { Taken, UnspentLease } from "../../domain/sliding-window.ts";

/** What one isolate knows of one caller's window; every time is the isolate's own. */
interface KnownWindow {
  /** Calls that were granted and not yet spent, to be spent before `untilMs`. */
  leases: { readonly atMs: number; left: number; readonly untilMs: number }[];
  /** What the object said was left for others. */
  remaining: number;
  emptyAtMs: number;
  /** Until then the object would refuse. */
  refusedUntilMs: number;
  /** How many calls the next lease should hold. */
  nextBatch: number;
  /** When a batch was asked for that has not come; others ask for one call each meanwhile. 0 = none is awaited. */
  batchAskedAtMs: number;
  /** When calls were last handed back: who was refused by an ask before that may ask again. */
  handedBackAtMs: number;
}

/** How a call was decided without asking the object. */
export interface LocalDecision {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly resetMs: number;
}

/** What to ask the object for. */
export interface Ask {
  readonly count: number;
  readonly unspent: readonly UnspentLease[];
}

export interface Asked extends Ask {
  /** When the ask was sent: the object's lease began later, so ours ends before it. */
  readonly atMs: number;
  /** How long the grant may be spent; 0 for a limit that is counted one by one. */
  readonly spendMs: number;
}

/** The leases one isolate holds, by bucket and key. Values only, never a promise: requests share it. */
export interface LimitLeases {
  /** Spends a leased call, or refuses while the object would; null = the object has to be asked. */
  decide(id: string, nowMs: number): LocalDecision | null;
  /** What to ask for; leases that ran out are handed back with it, and forgotten here. */
  ask(id: string, maxBatch: number, nowMs: number): Ask;
  /**
   * Decides the call that asked, and keeps the rest of what it was granted for the calls after it.
   * Null: it was refused, but a lease ran out meanwhile and is or will be handed back: asking again may help.
   */
  keep(id: string, asked: Asked, taken: Taken, nowMs: number): LocalDecision | null;
}

/** 10,000 callers a minute in one isolate; forgetting one costs it a lease, never an extra call. */
const MAX_KEYS = 10_000;
/** An awaited batch that took longer than this is not coming: its request has given up. */
const BATCH_PATIENCE_MS = 1000;

export function createLimitLeases(maxKeys = MAX_KEYS): LimitLeases {
  const windows = new Map<string, KnownWindow>();

  function open(id: string): KnownWindow {
    const known = windows.get(id) ?? {
      leases: [],
      remaining: 0,
      emptyAtMs: 0,
      refusedUntilMs: 0,
      nextBatch: 1,
      batchAskedAtMs: 0,
      handedBackAtMs: 0,
    };
    // Last used last, so that the one forgotten is the one unused for longest.
    windows.delete(id);
    windows.set(id, known);
    for (const oldest of windows.keys()) {
      if (windows.size <= maxKeys) break;
      windows.delete(oldest);
    }
    return known;
  }

  return {
    decide: (id, nowMs) => {
      const known = windows.get(id);
      return known === undefined ? null : decide(known, nowMs);
    },
    ask: (id, maxBatch, nowMs) => ask(open(id), maxBatch, nowMs),
    keep: (id, asked, taken, nowMs) => keep(open(id), asked, taken, nowMs),
  };
}

function decide(known: KnownWindow, nowMs: number): LocalDecision | null {
  const lease = known.leases.find(({ left, untilMs }) => left > 0 && nowMs < untilMs);
  if (lease !== undefined) {
    lease.left -= 1;
    return { allowed: true, remaining: countRemaining(known, nowMs), resetMs: known.emptyAtMs - nowMs };
  }
  // What was not spent has to be handed back: it may be what the object lacks.
  const hasUnspent = known.leases.some(({ left }) => left > 0);
  if (hasUnspent || nowMs >= known.refusedUntilMs) return null;
  return { allowed: false, remaining: 0, resetMs: known.refusedUntilMs - nowMs };
}

function ask(known: KnownWindow, maxBatch: number, nowMs: number): Ask {
  const over = known.leases.filter(({ untilMs }) => nowMs >= untilMs);
  const unspent = over.flatMap(({ atMs, left }) => (left > 0 ? [{ atMs, count: left }] : []));
  // Too much was asked for last time: start small again. All was spent in time: ask for twice as much.
  if (unspent.length > 0) {
    known.nextBatch = 1;
    known.handedBackAtMs = nowMs;
  }
  known.leases = known.leases.filter((lease) => !over.includes(lease) && lease.left > 0);
  if (nowMs < known.batchAskedAtMs + BATCH_PATIENCE_MS) return { count: 1, unspent };
  const count = Math.max(Math.min(known.nextBatch, maxBatch), 1);
  known.nextBatch = Math.min(count * 2, Math.max(maxBatch, 1));
  if (count > 1) known.batchAskedAtMs = nowMs;
  return { count, unspent };
}

function keep(known: KnownWindow, asked: Asked, taken: Taken, nowMs: number): LocalDecision | null {
  if (asked.count > 1) known.batchAskedAtMs = 0;
  known.remaining = taken.remaining;
  if (taken.granted === 0) {
    // Another isolate may hand a lease back, so a leased limit is asked again soon; an exact one cannot open earlier.
    const refusedMs = asked.spendMs === 0 ? taken.resetMs : Math.min(taken.resetMs, asked.spendMs);
    known.refusedUntilMs = Math.max(known.refusedUntilMs, asked.atMs + refusedMs);
    // Another request's batch may have come in between.
    const spent = decide(known, nowMs);
    if (spent?.allowed) return spent;
    if (spent === null || asked.atMs < known.handedBackAtMs) return null;
    return { allowed: false, remaining: 0, resetMs: taken.resetMs };
  }
  known.refusedUntilMs = 0;
  known.emptyAtMs = Math.max(known.emptyAtMs, asked.atMs + taken.resetMs);
  const lease = { atMs: taken.atMs, left: taken.granted - 1, untilMs: asked.atMs + asked.spendMs };
  if (lease.left > 0) known.leases.push(lease);
  return { allowed: true, remaining: countRemaining(known, nowMs), resetMs: taken.resetMs };
}

function countRemaining(known: KnownWindow, nowMs: number): number {
  return known.leases.reduce((sum, { left, untilMs }) => (nowMs < untilMs ? sum + left : sum), known.remaining);
}
