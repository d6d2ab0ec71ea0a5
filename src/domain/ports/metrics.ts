import type { CounterName, HistogramName, LabelsOf } from "../metric.ts";
import type { Period, SecurityTally } from "../metric-security.ts";
import type { Family, MetricBatch } from "../metric-series.ts";

/** Counts what happens, in memory: nothing here waits or throws. A second later at the latest it is on its way. */
export interface Metrics {
  count<Name extends CounterName>(name: Name, labels: LabelsOf<Name>, by?: number): void;
  /** Notes that something took so long. */
  observe<Name extends HistogramName>(name: Name, labels: LabelsOf<Name>, seconds: number): void;
  /** Counts a failure of the database for a workspace's own tally. */
  databaseFailed(workspaceId: string): void;
}

/** What the whole deployment has counted. */
export interface MetricTotals {
  /** With everything this isolate has counted until now. */
  read(): Promise<readonly Family[]>;
  /** Sends what this isolate has counted until now. Never throws: what does not arrive is sent again. */
  drain(): Promise<void>;
}

/** What each workspace's own log has counted. */
export interface SecurityTallies {
  /**
   * How often each happened in the workspace (or the chain of nobody's events) during the period, everything this
   * isolate knows of included.
   *
   * @throws `database_unavailable` when the log does not answer.
   */
  tally(chain: string, period: Period): Promise<SecurityTally>;
}

/** What the `AuditLog` object answers over RPC besides the log itself. */
export interface SecurityLogObject {
  /** How often each happened in the last so many minutes, the one under way included. */
  tally(minutes: number): Promise<SecurityTally>;
  noteDatabaseFailures(times: number): Promise<void>;
}

/** What the `Metrics` object answers over RPC. */
export interface MetricsObject {
  /** Adds the batch, durably, unless it was added before. */
  add(batch: MetricBatch): Promise<void>;
  totals(): Promise<readonly Family[]>;
}
