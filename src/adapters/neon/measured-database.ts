import { timeWork } from "../../domain/metric-timing.ts";
import type { Metrics } from "../../domain/ports/metrics.ts";
import { ConstraintError, type Database } from "./database.ts";

/** The same database, every transaction timed and every failure counted, for the workspace too where it is known. */
export function measureDatabase(database: Database, metrics: Metrics, nowMs: () => number): Database {
  const { as, enter } = database;
  const time = <Result>(work: () => Promise<Result>, workspaceId: string | null) =>
    timeWork(nowMs, work, ({ seconds, error }) => {
      // A rule of the schema that was broken is an answer, and some service's business.
      const isFailed = error !== null && !(error instanceof ConstraintError);
      const outcome = isFailed ? "failed" : "ok";
      metrics.observe("aurora_database_request_duration_seconds", { outcome }, seconds);
      if (!isFailed) return;
      metrics.count("aurora_database_failures_total", {});
      if (workspaceId !== null) metrics.databaseFailed(workspaceId);
    });
  return {
    as: (scope, ...statements) => time(() => as(scope, ...statements), scope.workspaceId),
    enter: (entry, ...statements) => time(() => enter(entry, ...statements), null),
  };
}
