import { AppError } from "../../domain/errors.ts";
import { PERIOD_MINUTES } from "../../domain/metric-security.ts";
import type { MetricTotals, SecurityLogObject, SecurityTallies } from "../../domain/ports/metrics.ts";

interface SecurityTalliesOptions {
  /** The `AuditLog` object of that chain. */
  readonly find: (chain: string) => Pick<SecurityLogObject, "tally">;
  /** Sends what this isolate has counted for that chain. */
  readonly drainAudit: (chain: string) => Promise<void>;
  readonly drainMetrics: MetricTotals["drain"];
}

/** Tallies kept by the `AuditLog` objects, which hear of every event and need no database. */
export function createSecurityTallies({ find, drainAudit, drainMetrics }: SecurityTalliesOptions): SecurityTallies {
  return {
    tally: async (chain, period) => {
      await Promise.all([drainAudit(chain), drainMetrics()]);
      try {
        return await find(chain).tally(PERIOD_MINUTES[period]);
      } catch {
        // What is lost is the reason, which is the platform's: the remedy is the same.
        throw new AppError("database_unavailable", "The audit log does not answer; try again.");
      }
    },
  };
}
