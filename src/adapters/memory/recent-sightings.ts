/** What one isolate has told lately and need not tell again. */
export interface RecentSightings {
  /** True when `name` was not told for an hour; it counts as told from now on. */
  isNew(name: string, nowMs: number): boolean;
  /** It could not be told after all. */
  forget(name: string): void;
}

const REMEMBERED_MS = 3_600_000;
/** A key of many networks costs a hop each time, no more memory. */
const MAX_NAMES = 10_000;

export function createRecentSightings(maxNames = MAX_NAMES): RecentSightings {
  // A Map keeps the order of insertion, so its first entry is the oldest.
  const told = new Map<string, number>();
  return {
    isNew: (name, nowMs) => {
      const toldMs = told.get(name);
      if (toldMs !== undefined && nowMs - toldMs < REMEMBERED_MS) return false;
      told.delete(name);
      for (const oldest of told.keys()) {
        if (told.size < maxNames) break;
        told.delete(oldest);
      }
      told.set(name, nowMs);
      return true;
    },
    forget: (name) => void told.delete(name),
  };
}
