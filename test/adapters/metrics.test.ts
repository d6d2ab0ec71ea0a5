import { describe, expect, test } from "vitest";
import { createMetricCounters } from "../../src/adapters/memory/metric-counters.ts";
import { createMetrics } from "../../src/adapters/metrics.ts";
import type { MetricBatch } from "../../src/domain/metric-series.ts";
import { openTotals } from "../../src/services/metrics/metric-totals.ts";
import { createFakeMetricLedger } from "../support/fake-metric-ledger.ts";

const LOSSES = "aurora_audit_losses_total";

/** The object, and isolates that count into it; a second passes when the test says so. */
function createWorld() {
  const clock = { ms: 1_800_000_000_000 };
  const ledger = createFakeMetricLedger();
  let totals = openTotals(ledger, () => clock.ms);
  const trouble: ("lose the batch" | "lose the answer" | null)[] = [];
  const calls = { add: 0 };
  let held: Promise<void> = Promise.resolve();
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    return resolve;
  };
  const object = {
    add: async (batch: MetricBatch) => {
      calls.add += 1;
      await held;
      const mishap = trouble.shift() ?? null;
      if (mishap === "lose the batch") throw new Error("no connection");
      totals.add(structuredClone(batch));
      if (mishap === "lose the answer") throw new Error("no answer");
    },
    totals: async () => totals.read(),
  };

  function createIsolate(sender: string) {
    const deferred: Promise<unknown>[] = [];
    const sleepers: (() => void)[] = [];
    const told: [string, number][] = [];
    const published: MetricBatch[] = [];
    const metrics = createMetrics({
      find: () => object,
      tellFailures: async (workspace, times) => {
        if (trouble.shift() === "lose the batch") throw new Error("no connection");
        told.push([workspace, times]);
      },
      publish: (batch) => void published.push(batch),
      counters: createMetricCounters(sender),
      defer: (work) => void deferred.push(work),
      nowMs: () => clock.ms,
      sleep: () => new Promise((resolve) => void sleepers.push(() => resolve())),
    });
    const passSecond = async () => {
      clock.ms += 1000;
      for (const wake of sleepers.splice(0)) wake();
      await Promise.all(deferred.splice(0));
    };
    return { metrics, deferred, sleepers, told, published, passSecond };
  }

  const countLosses = () => totals.read().find(({ name }) => name === LOSSES)?.series[0]?.numbers[0] ?? 0;
  const evict = () => {
    totals = openTotals(ledger, () => clock.ms);
  };
  return { clock, trouble, calls, createIsolate, countLosses, evict, hold };
}

describe("counting in an isolate", () => {
  test("makes nobody wait and costs one hop a second, however much is counted", async () => {
    const { calls, createIsolate, countLosses } = createWorld();
    const { metrics, passSecond } = createIsolate("a");
    for (let call = 0; call < 10_000; call++) metrics.count(LOSSES, {});
    expect(calls.add).toBe(0);
    await passSecond();
    expect(calls.add).toBe(1);
    expect(countLosses()).toBe(10_000);
    await passSecond();
    expect(calls.add).toBe(1);
  });

  test("is exact across isolates and starts of the object", async () => {
    const world = createWorld();
    const isolates = ["a", "b", "c"].map(world.createIsolate);
    for (let call = 0; call < 3000; call++) {
      isolates[call % 3]?.metrics.count(LOSSES, {}, 2);
      if (call % 100 === 99) await isolates[call % 3]?.passSecond();
      if (call % 250 === 249) world.evict();
    }
    await Promise.all(isolates.map(({ passSecond }) => passSecond()));
    expect(world.countLosses()).toBe(6000);
  });

  test("stays exact while batches and answers are lost", async () => {
    const { trouble, createIsolate, countLosses } = createWorld();
    const { metrics, passSecond } = createIsolate("a");
    const mishaps = ["lose the answer", null, "lose the batch", "lose the batch", "lose the answer"] as const;
    for (let second = 0; second < 60; second++) {
      trouble.push(mishaps[second % mishaps.length] ?? null);
      for (let call = 0; call < 10; call++) metrics.count(LOSSES, {});
      await passSecond();
    }
    trouble.length = 0;
    metrics.count(LOSSES, {});
    await passSecond();
    await passSecond();
    expect(countLosses()).toBe(601);
  });

  test("is drained by the next event when the request that was to drain it died", async () => {
    const { clock, createIsolate, countLosses } = createWorld();
    const { metrics, deferred, sleepers, passSecond } = createIsolate("a");
    metrics.count(LOSSES, {});
    sleepers.length = 0;
    deferred.length = 0;
    clock.ms += 5000;
    metrics.count(LOSSES, {});
    await passSecond();
    expect(countLosses()).toBe(2);
  });

  test("sends a slow object one batch at a time, and what came meanwhile after it without being asked", async () => {
    const { calls, createIsolate, countLosses, hold } = createWorld();
    const { metrics, sleepers, deferred, passSecond } = createIsolate("a");
    metrics.count(LOSSES, {});
    const letGo = hold();
    const first = passSecond();
    await Promise.resolve();
    for (let call = 0; call < 50; call++) metrics.count(LOSSES, {});
    expect({ calls: calls.add, sleepers: sleepers.length }).toEqual({ calls: 1, sleepers: 0 });
    letGo();
    await first;
    expect(countLosses()).toBe(51);
    expect(deferred).toHaveLength(0);
  });

  test("leaves an object that is away alone until something is counted again", async () => {
    const { trouble, calls, createIsolate, countLosses } = createWorld();
    const { metrics, sleepers, passSecond } = createIsolate("a");
    trouble.push("lose the batch", "lose the batch");
    metrics.count(LOSSES, {});
    await passSecond();
    await passSecond();
    expect({ calls: calls.add, sleepers: sleepers.length }).toEqual({ calls: 2, sleepers: 0 });
    metrics.count(LOSSES, {});
    await passSecond();
    expect(countLosses()).toBe(2);
  });

  test("takes labels in any order for the same series, and keeps texts that look alike apart", async () => {
    const { createIsolate } = createWorld();
    const { metrics } = createIsolate("a");
    metrics.count("aurora_credential_lookups_total", { tier: "kv", outcome: "hit" });
    metrics.count("aurora_credential_lookups_total", { outcome: "hit", tier: "kv" });
    metrics.count("aurora_credential_lookups_total", { tier: "kv", outcome: "miss" });
    const family = (await metrics.read()).find(({ name }) => name === "aurora_credential_lookups_total");
    expect(family?.series).toEqual([
      { values: ["kv", "hit"], numbers: [2] },
      { values: ["kv", "miss"], numbers: [1] },
    ]);
  });

  test("puts a time into its bucket, the bound included, and beyond the last into +Inf", async () => {
    const { metrics } = createWorld().createIsolate("a");
    for (const seconds of [0, 0.005, 0.006, 10, 10.5]) {
      metrics.observe("aurora_database_request_duration_seconds", { outcome: "ok" }, seconds);
    }
    const [family] = await metrics.read();
    expect(family?.series[0]?.numbers.slice(0, -1)).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    expect(family?.series[0]?.numbers.at(-1)).toBeCloseTo(20.511);
  });

  test("is published once for each batch, however often it is sent", async () => {
    const { trouble, createIsolate } = createWorld();
    const { metrics, published, passSecond } = createIsolate("a");
    trouble.push("lose the batch", "lose the batch");
    metrics.count(LOSSES, {});
    await passSecond();
    metrics.count(LOSSES, {}, 5);
    await passSecond();
    expect(published.map(({ families }) => families[0]?.series[0]?.numbers)).toEqual([[1], [5]]);
  });
});

describe("failures of the database", () => {
  test("reach the workspace's own log, added up", async () => {
    const { createIsolate } = createWorld();
    const { metrics, told, passSecond } = createIsolate("a");
    for (const workspace of ["one", "two", "one"]) metrics.databaseFailed(workspace);
    await passSecond();
    expect(told).toEqual([
      ["one", 2],
      ["two", 1],
    ]);
  });

  test("are told again when the log did not answer", async () => {
    const { trouble, createIsolate } = createWorld();
    const { metrics, told, passSecond } = createIsolate("a");
    trouble.push("lose the batch");
    metrics.databaseFailed("one");
    await passSecond();
    metrics.databaseFailed("one");
    await passSecond();
    expect(told).toEqual([["one", 2]]);
  });
});
