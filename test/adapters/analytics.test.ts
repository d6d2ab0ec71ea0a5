import { expect, test } from "vitest";
import { createAnalytics } from "../../src/adapters/analytics.ts";
import type { Series } from "../../src/domain/metric-series.ts";

type Point = { indexes: string[]; blobs: string[]; doubles: number[] };

function createDataset() {
  const points: Point[] = [];
  return { points, publish: createAnalytics({ writeDataPoint: (point) => void points.push(point) }) };
}

function batch(name: string, ...series: Series[]) {
  return { sender: "a", seq: 1, families: [{ name, shape: "", series }] };
}

test("a series is one point: its name and labels as texts, and how many", () => {
  const { points, publish } = createDataset();
  publish(batch("aurora_refreshes_total", { values: ["gcp", "renewed"], numbers: [3] }));
  const blobs = ["aurora_refreshes_total", "gcp", "renewed"];
  expect(points).toEqual([{ indexes: ["aurora_refreshes_total"], blobs, doubles: [3] }]);
});

test("a histogram says how many, the sum, and each bucket", () => {
  const { points, publish } = createDataset();
  publish(
    batch("aurora_refresh_duration_seconds", { values: ["gcp"], numbers: [1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 4, 9.5] }),
  );
  expect(points[0]?.doubles).toEqual([7, 9.5, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
  expect(points[0]?.doubles.length).toBeLessThanOrEqual(20);
});

test("no drain writes more points than an invocation may, and nothing is left out for it", () => {
  const { points, publish } = createDataset();
  const series = Array.from({ length: 60 }, (_, index) => ({ values: [`p${index}`, "renewed"], numbers: [1] }));
  const sizes = [1, 2, 3, 4, 5, 6].map(() => {
    const before = points.length;
    publish(batch("aurora_refreshes_total", ...series));
    return points.length - before;
  });
  while (points.length < 180 && sizes.length < 20) {
    const before = points.length;
    publish({ sender: "a", seq: 1, families: [] });
    sizes.push(points.length - before);
    if (sizes.at(-1) === 0) break;
  }
  expect(Math.max(...sizes)).toBe(25);
  expect(points.reduce((sum, { doubles }) => sum + (doubles[0] ?? 0), 0)).toBe(360);
});

test("nothing is written where no dataset is bound", () => {
  expect(() => createAnalytics(null)(batch("aurora_refreshes_total"))).not.toThrow();
});
