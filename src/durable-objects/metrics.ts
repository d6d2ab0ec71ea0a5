import { DurableObject } from "cloudflare:workers";
import type { Bindings } from "../bindings.ts";
import { nowMs } from "../clock.ts";
import type { Family, MetricBatch } from "../domain/metric-series.ts";
import type { MetricsObject } from "../domain/ports/metrics.ts";
import { openTotals, type Totals } from "../services/metrics/metric-totals.ts";
import { createSqlLedger } from "./metrics/ledger.ts";

/** The one that adds up what every isolate of the deployment counts. */
export class Metrics extends DurableObject<Bindings> implements MetricsObject {
  readonly #totals: Totals;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#totals = openTotals(createSqlLedger(ctx.storage), nowMs);
  }

  async add(batch: MetricBatch): Promise<void> {
    this.#totals.add(batch);
  }

  async totals(): Promise<readonly Family[]> {
    return this.#totals.read();
  }
}
