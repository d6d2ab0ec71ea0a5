import type { ChainedEvent } from "../../domain/audit-chain.ts";
import {
  countSecurity,
  emptyTally,
  metricOf,
  type SecurityCount,
  type SecurityTally,
  securityCounterOf,
} from "../../domain/metric-security.ts";
import type { Metrics } from "../../domain/ports/metrics.ts";

/** What a chain has counted, by minute (whole minutes since 1970), for as long as anybody may ask. */
export interface TallyStore {
  add(minute: number, count: SecurityCount): void;
  /** How often each happened after `minute`; what did not may be left out. */
  since(minute: number): readonly SecurityCount[];
}

/** How often an action was repeated in the minute under way, which is not an event yet. */
export interface RepeatedAction {
  readonly action: string;
  readonly times: number;
}

interface TallyDeps {
  readonly tally: TallyStore;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

const MINUTE_MS = 60_000;

/** Counts events that were just chained, for their workspace and for the deployment. */
export function tallyEvents(
  deps: TallyDeps & { readonly metrics: Pick<Metrics, "count"> },
  events: readonly ChainedEvent[],
): void {
  deps.metrics.count("aurora_audit_events_total", { stage: "chained" }, events.length);
  for (const event of events) {
    const counted = countSecurity(event);
    if (counted === null) continue;
    deps.tally.add(minuteOf(deps), counted);
    deps.metrics.count(metricOf(counted.counter), {}, counted.times);
  }
}

/** Counts failures of the database, which no event tells of. */
export function tallyDatabaseFailures(deps: TallyDeps, times: number): void {
  deps.tally.add(minuteOf(deps), { counter: "database_failures", times });
}

/** What happened in the last so many minutes, the one under way and its repeats included. */
export function readTally(deps: TallyDeps, minutes: number, repeated: readonly RepeatedAction[]): SecurityTally {
  const tally = emptyTally();
  for (const { counter, times } of deps.tally.since(minuteOf(deps) - minutes)) tally[counter] += times;
  for (const { action, times } of repeated) {
    const counter = securityCounterOf(action);
    if (counter !== null) tally[counter] += times;
  }
  return tally;
}

function minuteOf({ nowMs }: Pick<TallyDeps, "nowMs">): number {
  return Math.floor(nowMs() / MINUTE_MS);
}
