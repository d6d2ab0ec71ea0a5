import type { Family, MetricBatch } from "../../src/domain/metric-series.ts";
import type { HeardSender, MetricLedger } from "../../src/services/metrics/metric-totals.ts";

/** What the object keeps, in memory as JSON: what is read back is what a disk would give. */
export function createFakeMetricLedger(): MetricLedger & { readonly waiting: () => number } {
  const batches: string[] = [];
  let folded = JSON.stringify({ families: [], senders: [] });
  const read = () => JSON.parse(folded) as { families: Family[]; senders: HeardSender[] };
  return {
    append: (batch, atMs) => void batches.push(JSON.stringify({ batch, atMs })),
    batches: () => batches.map((text) => JSON.parse(text) as { batch: MetricBatch; atMs: number }),
    families: () => read().families,
    senders: () => read().senders,
    fold: (families, senders) => {
      folded = JSON.stringify({ families, senders });
      batches.length = 0;
    },
    waiting: () => batches.length,
  };
}
