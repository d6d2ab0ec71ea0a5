import type { LimitDecision, LimitName } from "../limits.ts";

export interface Limiter {
  /**
   * Counts one call of `key` in the named bucket. Never throws: when the limiter cannot be asked the answer
   * is `degraded`, decided by a local bucket for the closed buckets and allowed for the others.
   */
  take(name: LimitName, key: string): Promise<LimitDecision>;
}
