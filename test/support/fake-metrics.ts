import { createMetricCounters } from "../../src/adapters/memory/metric-counters.ts";
import type { MetricName } from "../../src/domain/metric.ts";
import type { Metrics } from "../../src/domain/ports/metrics.ts";

export interface FakeMetrics extends Metrics {
  /** What was counted of that metric, by the texts of its labels joined with a space: the total, or how often. */
  counted(name: MetricName): Readonly<Record<string, number>>;
  /** Failures of the database, by workspace. */
  failures(): Readonly<Record<string, number>>;
}

/** Counts with the isolate's own counters; what was read is forgotten. */
export function createFakeMetrics(): FakeMetrics {
  const counters = createMetricCounters("test");
  const seen = new Map<string, Map<string, number>>();
  const gather = () => {
    const taken = counters.takeBatch();
    if (taken === null) return;
    counters.confirm(taken.batch);
    for (const { name, series } of taken.batch.families) {
      const family = seen.get(name) ?? new Map<string, number>();
      seen.set(name, family);
      for (const { values, numbers } of series) {
        const times = numbers.length === 1 ? (numbers[0] ?? 0) : numbers.slice(0, -1).reduce((sum, n) => sum + n, 0);
        family.set(values.join(" "), (family.get(values.join(" ")) ?? 0) + times);
      }
    }
  };
  return {
    count: (name, labels, by = 1) => counters.count(name, labels, by),
    observe: (name, labels, seconds) => counters.observe(name, labels, seconds),
    databaseFailed: (workspaceId) => counters.addFailures(workspaceId, 1),
    counted: (name) => {
      gather();
      return Object.fromEntries(seen.get(name) ?? []);
    },
    failures: () => Object.fromEntries(counters.takeFailures()),
  };
}
