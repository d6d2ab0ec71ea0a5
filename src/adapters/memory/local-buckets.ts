import { type Taken, takeFromWindow, type WindowEntry } from "../../domain/sliding-window.ts";

/** Sliding windows in this isolate's memory: what closed buckets are decided by while the limiter cannot be asked. */
export interface LocalBuckets {
  /** Takes one call. With too many windows in use it grants nothing: these buckets fail closed. */
  take(id: string, limit: number, windowMs: number, nowMs: number): Taken;
}

interface Bucket {
  readonly entries: readonly WindowEntry[];
  readonly emptyAtMs: number;
}

/** One outage's worth of callers in one isolate. */
const MAX_BUCKETS = 10_000;

export function createLocalBuckets(maxBuckets = MAX_BUCKETS): LocalBuckets {
  const buckets = new Map<string, Bucket>();

  return {
    take: (id, limit, windowMs, nowMs) => {
      if (!buckets.has(id) && buckets.size >= maxBuckets) forgetEmpty(buckets, nowMs);
      if (!buckets.has(id) && buckets.size >= maxBuckets) {
        return { granted: 0, remaining: 0, resetMs: windowMs, atMs: nowMs };
      }
      const request = { limit, windowMs, count: 1, leaseMs: 0, unspent: [] };
      const { taken, entries } = takeFromWindow(buckets.get(id)?.entries ?? [], request, nowMs);
      buckets.set(id, { entries, emptyAtMs: (entries.at(-1)?.atMs ?? nowMs) + windowMs });
      return taken;
    },
  };
}

function forgetEmpty(buckets: Map<string, Bucket>, nowMs: number): void {
  for (const [id, { emptyAtMs }] of buckets) {
    if (emptyAtMs <= nowMs) buckets.delete(id);
  }
}
