import type { MetricBatch } from "../domain/metric-series.ts";
import type { Metrics, MetricsObject, MetricTotals } from "../domain/ports/metrics.ts";
import type { MetricCounters } from "./memory/metric-counters.ts";

export interface MetricsOptions {
  /** The object that adds up what every isolate counts. */
  readonly find: () => MetricsObject;
  /** Adds failures of the database to the tally of that workspace. */
  readonly tellFailures: (workspaceId: string, times: number) => Promise<unknown>;
  /** Hears of every batch once, when it is made. */
  readonly publish: (batch: MetricBatch) => void;
  /** One per isolate. */
  readonly counters: MetricCounters;
  /** Lets work outlive the response. */
  readonly defer: (work: Promise<unknown>) => void;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** How long an isolate gathers before it sends: one hop a second, however many calls. */
const GATHER_MS = 900;
const TRIES = 2;
/** The batch that was not confirmed, and what was counted since. */
const MOST_BATCHES = 2;

/**
 * Counters in the isolate's memory, drained into one object after the answer.
 *
 * A batch is kept until the object has confirmed it and is numbered, so that it counts once however often it is sent:
 * what is lost is the last second of an isolate that dies.
 */
export function createMetrics(options: MetricsOptions): Metrics & MetricTotals {
  const { counters } = options;
  const wake = () => {
    if (counters.claimDrain(options.nowMs())) options.defer(gather());
  };
  // One at a time: an object that is slow gets larger batches, not more of them.
  const gather = async () => {
    await options.sleep(GATHER_MS);
    const isDone = await drain(options);
    // After a failure the next count begins anew, so that nothing runs on for an object that is away.
    if (counters.release() && isDone) wake();
  };
  return {
    count: (name, labels, by = 1) => {
      counters.count(name, labels, by);
      wake();
    },
    observe: (name, labels, seconds) => {
      counters.observe(name, labels, seconds);
      wake();
    },
    databaseFailed: (workspaceId) => {
      counters.addFailures(workspaceId, 1);
      wake();
    },
    read: async () => {
      await drain(options);
      return options.find().totals();
    },
    drain: async () => void (await drain(options)),
  };
}

/** Sends what was counted until now; false when something was not taken, which stays. Never throws. */
async function drain(options: MetricsOptions): Promise<boolean> {
  const done = await Promise.all([drainBatches(options), drainFailures(options)]);
  return done.every(Boolean);
}

async function drainBatches(options: MetricsOptions): Promise<boolean> {
  for (let left = MOST_BATCHES; left > 0; left--) {
    const taken = options.counters.takeBatch();
    if (taken === null) return true;
    if (taken.isNew) options.publish(taken.batch);
    if (!(await deliver(options, taken.batch))) return false;
  }
  return true;
}

/** False when the object does not answer: the batch stays, and goes first the next time. */
async function deliver(options: MetricsOptions, batch: MetricBatch): Promise<boolean> {
  for (let left = TRIES; left > 0; left--) {
    try {
      // A stub that has failed stays broken, so each try finds its own.
      await options.find().add(batch);
      options.counters.confirm(batch);
      return true;
    } catch {
      // Nothing is lost yet, nor counted twice.
    }
  }
  return false;
}

async function drainFailures({ counters, tellFailures }: MetricsOptions): Promise<boolean> {
  const told = Array.from(counters.takeFailures(), async ([workspaceId, times]) => {
    try {
      await tellFailures(workspaceId, times);
      return true;
    } catch {
      // Told again with the next; should only the answer have been lost, they count twice.
      counters.addFailures(workspaceId, times);
      return false;
    }
  });
  return (await Promise.all(told)).every(Boolean);
}
