import { addNumbers, type MetricBatch } from "../domain/metric-series.ts";

/** What a point may hold: a metric's name and its labels' texts, and numbers. */
interface Dataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/** An invocation may write 25. @see https://developers.cloudflare.com/analytics/analytics-engine/limits/ */
const MOST_POINTS = 25;
/** Series that wait for their turn; beyond that new ones are left out. */
const MOST_WAITING = 1000;

/**
 * Writes batches to Workers Analytics Engine: one point for each series, `blobs` = name and labels in the order of the
 * definition, `doubles` = how many; for a histogram how many, the sum in seconds, then each bucket.
 *
 * Keep one per isolate: what is more than one drain may write is added up and written with a later one.
 *
 * @param dataset Null = not bound; nothing is written.
 */
export function createAnalytics(dataset: Dataset | null): (batch: MetricBatch) => void {
  const waiting = new Map<string, { readonly blobs: string[]; readonly numbers: number[] }>();
  if (dataset === null) return () => undefined;

  return (batch) => {
    gather(waiting, batch);
    for (const [key, { blobs, numbers }] of [...waiting].slice(0, MOST_POINTS)) {
      waiting.delete(key);
      dataset.writeDataPoint({ indexes: [blobs[0] ?? ""], blobs, doubles: toDoubles(numbers) });
    }
  };
}

function gather(waiting: Map<string, { blobs: string[]; numbers: number[] }>, { families }: MetricBatch): void {
  for (const { name, series } of families) {
    for (const { values, numbers } of series) {
      const blobs = [name, ...values];
      const key = blobs.join("\n");
      const known = waiting.get(key);
      if (known !== undefined) addNumbers(known.numbers, numbers);
      else if (waiting.size < MOST_WAITING) waiting.set(key, { blobs, numbers: [...numbers] });
    }
  }
}

function toDoubles(numbers: readonly number[]): number[] {
  if (numbers.length === 1) return [...numbers];
  const buckets = numbers.slice(0, -1);
  return [buckets.reduce((sum, count) => sum + count, 0), numbers.at(-1) ?? 0, ...buckets];
}
