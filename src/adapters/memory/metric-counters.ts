import { type CounterName, type HistogramName, METRICS, type MetricName } from "../../domain/metric.ts";
import { addObservation, labelsOf, type MetricBatch, toFamilies, zeros } from "../../domain/metric-series.ts";

/** What one isolate has counted and not yet sent. */
export interface MetricCounters {
  count(name: CounterName, labels: Labels, by: number): void;
  observe(name: HistogramName, labels: Labels, seconds: number): void;
  /** Counts failures of the database for a workspace. */
  addFailures(workspaceId: string, times: number): void;
  /** True when the caller is to drain soon, and to {@link release} when it has; nobody else is going to. */
  claimDrain(nowMs: number): boolean;
  /** Answers whether something was counted that no drain has taken. */
  release(): boolean;
  /**
   * The batch to send: the one that was not confirmed, or a new one of what was counted since; null when there is none.
   * Whoever takes it confirms it once it has arrived; until then it is handed out again, the same.
   */
  takeBatch(): { readonly batch: MetricBatch; readonly isNew: boolean } | null;
  confirm(batch: MetricBatch): void;
  /** Takes out the failures, by workspace. */
  takeFailures(): ReadonlyMap<string, number>;
}

/** Texts by label; the port that is called from outside knows which. */
type Labels = object;

interface Counter {
  readonly name: MetricName;
  readonly values: readonly string[];
  readonly numbers: number[];
}

/** A drain that was claimed this long ago died with its request; what it would have sent is still here. */
const DRAIN_PATIENCE_MS = 5000;
/** Workspaces with a failure in one second; those of more are counted for the deployment only. */
const MAX_WORKSPACES = 1000;

/** @param sender Names this isolate to the object that adds up; no other isolate ever has the same. */
export function createMetricCounters(sender: string): MetricCounters {
  let counters = new Map<string, Counter>();
  let failures = new Map<string, number>();
  let unconfirmed: MetricBatch | null = null;
  let seq = 0;
  let drainClaimedAtMs: number | null = null;

  /** The numbers of that series, to be changed in place. */
  function open(name: MetricName, labels: Labels): number[] {
    // On every request's path several times: built without an array, which halves its cost.
    let key: string = name;
    for (const label of labelsOf(name)) key += `\n${Reflect.get(labels, label)}`;
    const known = counters.get(key);
    if (known !== undefined) return known.numbers;
    const numbers = zeros(METRICS[name]);
    counters.set(key, { name, values: key.split("\n").slice(1), numbers });
    return numbers;
  }

  return {
    count: (name, labels, by) => {
      const numbers = open(name, labels);
      numbers[0] = (numbers[0] ?? 0) + by;
    },
    observe: (name, labels, seconds) => addObservation(open(name, labels), seconds),
    addFailures: (workspaceId, times) => {
      const known = failures.get(workspaceId) ?? 0;
      if (known > 0 || failures.size < MAX_WORKSPACES) failures.set(workspaceId, known + times);
    },
    claimDrain: (nowMs) => {
      if (drainClaimedAtMs !== null && nowMs < drainClaimedAtMs + DRAIN_PATIENCE_MS) return false;
      drainClaimedAtMs = nowMs;
      return true;
    },
    release: () => {
      drainClaimedAtMs = null;
      return counters.size > 0 || failures.size > 0;
    },
    takeBatch: () => {
      if (unconfirmed !== null) return { batch: unconfirmed, isNew: false };
      if (counters.size === 0) return null;
      seq += 1;
      unconfirmed = { sender, seq, families: toFamilies(counters.values()) };
      counters = new Map();
      return { batch: unconfirmed, isNew: true };
    },
    confirm: (batch) => {
      if (unconfirmed?.seq === batch.seq) unconfirmed = null;
    },
    takeFailures: () => {
      const taken = failures;
      failures = new Map();
      return taken;
    },
  };
}
