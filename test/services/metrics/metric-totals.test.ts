import { describe, expect, test } from "vitest";
import { METRICS, type MetricName } from "../../../src/domain/metric.ts";
import { type MetricBatch, shapeOf } from "../../../src/domain/metric-series.ts";
import { openTotals, type Totals } from "../../../src/services/metrics/metric-totals.ts";
import { createFakeMetricLedger } from "../../support/fake-metric-ledger.ts";

const LOSSES = "aurora_audit_losses_total";
const REFUSED = "aurora_metric_series_refused_total";
const HOUR_MS = 3_600_000;

function batch(sender: string, seq: number, by = 1, name: MetricName = LOSSES): MetricBatch {
  return { sender, seq, families: [{ name, shape: shapeOf(METRICS[name]), series: [{ values: [], numbers: [by] }] }] };
}

function totalOf(totals: Totals, name: MetricName = LOSSES): number {
  return totals.read().find((family) => family.name === name)?.series[0]?.numbers[0] ?? 0;
}

function open() {
  const ledger = createFakeMetricLedger();
  const clock = { ms: 1_800_000_000_000 };
  return { ledger, clock, open: () => openTotals(ledger, () => clock.ms) };
}

describe("the totals", () => {
  test("are what every isolate counted, whenever the object started anew", () => {
    const world = open();
    let totals = world.open();
    for (let seq = 1; seq <= 500; seq++) {
      totals.add(batch("a", seq, 2));
      totals.add(batch("b", seq, 3));
      if (seq % 7 === 0) totals = world.open();
    }
    expect(totalOf(totals)).toBe(2500);
  });

  test("count a batch once, however often it comes, also after a start", () => {
    const world = open();
    world.open().add(batch("a", 1));
    world.open().add(batch("a", 1));
    for (let seq = 2; seq <= 150; seq++) world.open().add(batch("b", seq));
    const totals = world.open();
    totals.add(batch("a", 1));
    expect(totalOf(totals)).toBe(150);
  });

  test("are folded, so that a start reads a hundred batches at most", () => {
    const world = open();
    const totals = world.open();
    for (let seq = 1; seq <= 1050; seq++) totals.add(batch("a", seq));
    expect(world.ledger.waiting()).toBe(50);
    expect(totalOf(world.open())).toBe(1050);
  });

  test("forget senders that fell silent, and no others", () => {
    const world = open();
    const totals = world.open();
    totals.add(batch("silent", 1));
    world.clock.ms += HOUR_MS + 1;
    for (let seq = 1; seq <= 100; seq++) totals.add(batch("busy", seq));
    expect(world.ledger.senders().map(({ sender }) => sender)).toEqual(["busy"]);
    totals.add(batch("busy", 100));
    expect(totalOf(totals)).toBe(101);
  });

  test("keep to a thousand series of a metric, and say what they refused", () => {
    const totals = open().open();
    const name = "aurora_refresh_duration_seconds";
    const providers = Array.from({ length: 1100 }, (_, index) => `p${index}`);
    const series = providers.map((provider) => ({ values: [provider], numbers: Array<number>(13).fill(1) }));
    totals.add({ sender: "a", seq: 1, families: [{ name, shape: shapeOf(METRICS[name]), series }] });
    expect(totals.read().find((family) => family.name === name)?.series).toHaveLength(1000);
    expect(totalOf(totals, REFUSED)).toBe(100);
  });

  test.each<[string, MetricBatch["families"][number]]>([
    ["a metric nobody knows", { name: "aurora_x_total", shape: "counter", series: [{ values: [], numbers: [1] }] }],
    ["another version's buckets", { name: LOSSES, shape: "counter le", series: [{ values: [], numbers: [1] }] }],
    ["labels nobody knows", { name: LOSSES, shape: "counter", series: [{ values: ["x"], numbers: [1] }] }],
  ])("refuse %s", (_, family) => {
    const totals = open().open();
    totals.add({ sender: "a", seq: 1, families: [family] });
    expect(totalOf(totals)).toBe(0);
    expect(totalOf(totals, REFUSED)).toBe(1);
  });

  test("begin anew where a version before kept another shape, without calling that refused", () => {
    const { ledger, open: openAgain } = open();
    ledger.fold([{ name: LOSSES, shape: "counter user", series: [{ values: ["x"], numbers: [7] }] }], []);
    const totals = openAgain();
    totals.add(batch("a", 1));
    expect(totalOf(totals)).toBe(1);
    expect(totalOf(totals, REFUSED)).toBe(0);
  });

  test("that were read do not change afterwards, and nobody's batch is changed", () => {
    const totals = open().open();
    const given = batch("a", 1);
    totals.add(given);
    const before = JSON.stringify(totals.read());
    totals.add(batch("a", 2));
    expect(JSON.stringify(given)).toBe(JSON.stringify(batch("a", 1)));
    expect(before).toContain("[1]");
  });
});
