import { describe, expect, test } from "vitest";
import { createUsageWorld, DAY_MS, HOUR_MS, liveAWeek } from "./usage-world.ts";

const KEY = "key_0123456789abcdef0123456789abcdef";
const USER = "usr_0123456789abcdef0123456789abcdef";

describe("reads far above a principal's own habit", () => {
  test("are said once, with the numbers that say so", () => {
    const world = createUsageWorld();
    liveAWeek(world, KEY, 200);
    expect(world.read(KEY, 800)).toEqual([]);
    const [entry, ...more] = world.read(KEY, 1);
    expect(more).toEqual([]);
    expect(entry).toEqual({
      action: "usage.abnormal",
      outcome: "failure",
      actor: { type: "system", id: "usage_watch" },
      resource: { type: "api_key", id: KEY },
      ip: "192.0.2.1",
      requestId: null,
      detail: { kind: "reads_above_habit", reads_this_hour: 801, busiest_hour_of_week: 200, threshold: 800 },
    });
    expect(world.read(KEY, 5000)).toEqual([]);
  });

  test("are said again when they happen again a week later", () => {
    const world = createUsageWorld();
    liveAWeek(world, KEY, 100);
    expect(world.read(KEY, 1000)).toHaveLength(1);
    world.clock.ms += 8 * DAY_MS;
    expect(world.read(KEY, 5000)).toHaveLength(1);
  });

  test("are nothing below the minimum, however idle the principal usually is", () => {
    const world = createUsageWorld();
    liveAWeek(world, USER, 1);
    expect(world.read(USER, 300)).toEqual([]);
    expect(world.read(USER, 1)).toHaveLength(1);
  });

  test("are not judged on somebody's first day", () => {
    const world = createUsageWorld();
    expect(world.read(KEY, 10_000)).toEqual([]);
  });

  test("count for a key that acts for a user apart from that user", () => {
    const world = createUsageWorld();
    liveAWeek(world, USER, 10_000);
    for (let hour = 0; hour < 30; hour += 1) {
      world.read(USER, 1, KEY);
      world.clock.ms += HOUR_MS;
    }
    expect(world.read(USER, 301, KEY)).toMatchObject([{ resource: { type: "user", id: USER }, detail: { via: KEY } }]);
  });

  test("are judged by the operator's thresholds", () => {
    const world = createUsageWorld({ readsFactor: 2, readsMinimum: 10 });
    liveAWeek(world, KEY, 8);
    expect(world.read(KEY, 17)).toMatchObject([{ detail: { threshold: 16 } }]);
  });

  test("are still known after the object was evicted", () => {
    const world = createUsageWorld();
    liveAWeek(world, KEY, 100);
    world.wakeAnew();
    expect(world.read(KEY, 401)).toHaveLength(1);
    world.wakeAnew();
    expect(world.read(KEY, 401)).toEqual([]);
  });
});

describe("a key's new network", () => {
  test("is said once its networks were learnt, with how many those are", () => {
    const world = createUsageWorld();
    world.see(KEY, "192.0.2.10");
    world.clock.ms += 72 * HOUR_MS;
    expect(world.see(KEY, "192.0.2.99")).toEqual([]);
    expect(world.see(KEY, "203.0.113.7")).toMatchObject([
      {
        resource: { type: "api_key", id: KEY },
        ip: "203.0.113.7",
        detail: { kind: "new_network", network: "203.0.113.0/24", known_networks: 1, hours_known: 72 },
      },
    ]);
    expect(world.see(KEY, "203.0.113.8")).toEqual([]);
  });

  test("is nothing while they are learnt", () => {
    const world = createUsageWorld();
    world.see(KEY, "192.0.2.10");
    world.clock.ms += 71 * HOUR_MS;
    expect(world.see(KEY, "203.0.113.7")).toEqual([]);
  });

  test("is a /48 for IPv6, however it is written", () => {
    const world = createUsageWorld();
    world.see(KEY, "2001:db8:1::1");
    world.clock.ms += 80 * HOUR_MS;
    expect(world.see(KEY, "2001:0DB8:0001:ffff::1")).toEqual([]);
    expect(world.see(KEY, "2001:db8:2::1")).toMatchObject([{ detail: { network: "2001:db8:2::/48" } }]);
  });

  test("is nothing for a key that has no home", () => {
    const world = createUsageWorld();
    for (const network of [1, 2, 3, 4, 5]) world.see(KEY, `198.51.${network}.1`);
    world.clock.ms += 80 * HOUR_MS;
    expect(world.see(KEY, "203.0.113.7")).toEqual([]);
  });

  test.each([null, "", "unknown", "not an address"])("is nothing without an address: %j", (ip) => {
    const world = createUsageWorld();
    world.see(KEY, "192.0.2.10");
    world.clock.ms += 80 * HOUR_MS;
    expect(world.see(KEY, ip)).toEqual([]);
  });

  test("is new again after a month", () => {
    const world = createUsageWorld();
    world.see(KEY, "192.0.2.10");
    world.see(KEY, "203.0.113.7");
    for (let day = 0; day < 31; day += 1) {
      world.clock.ms += DAY_MS;
      world.see(KEY, "192.0.2.10");
    }
    expect(world.see(KEY, "203.0.113.7")).toHaveLength(1);
  });
});

describe("many connections in a minute", () => {
  const connect = (world: ReturnType<typeof createUsageWorld>, requestId?: string) =>
    world.act({ action: "connection.created", who: USER, ...(requestId !== undefined && { requestId }) });

  test("are said at the seventh call, with the numbers", () => {
    const world = createUsageWorld();
    for (let calls = 0; calls < 6; calls += 1) expect(connect(world)).toEqual([]);
    expect(connect(world)).toMatchObject([
      {
        resource: { type: "user", id: USER },
        detail: { kind: "connection_burst", connects_this_minute: 7, threshold: 6 },
      },
    ]);
    expect(connect(world)).toEqual([]);
  });

  test("are nothing when one call connects fifty accounts", () => {
    const world = createUsageWorld();
    for (let accounts = 0; accounts < 50; accounts += 1) expect(connect(world, "req_bulk")).toEqual([]);
  });

  test("are nothing over an hour", () => {
    const world = createUsageWorld();
    for (let calls = 0; calls < 60; calls += 1) {
      expect(connect(world)).toEqual([]);
      world.clock.ms += 61_000;
    }
  });
});

describe("reads right after a change of role", () => {
  const change = (world: ReturnType<typeof createUsageWorld>) =>
    world.act({
      action: "user.updated",
      who: "usr_admin",
      resource: USER,
      detail: { changed: ["role"], role: "operator" },
    });

  test("are said with how many, how soon and which role", () => {
    const world = createUsageWorld();
    change(world);
    world.clock.ms += 90_000;
    expect(world.read(USER, 20)).toEqual([]);
    expect(world.read(USER, 1)).toMatchObject([
      {
        detail: {
          kind: "reads_after_role_change",
          reads: 21,
          seconds_since_change: 90,
          role: "operator",
          threshold: 20,
        },
      },
    ]);
  });

  test("are nothing when the user reads as much every hour", () => {
    const world = createUsageWorld();
    liveAWeek(world, USER, 100);
    change(world);
    expect(world.read(USER, 100)).toEqual([]);
  });

  test("are nothing ten minutes later, or after another change than of the role", () => {
    const world = createUsageWorld();
    change(world);
    world.clock.ms += 11 * 60_000;
    expect(world.read(USER, 100)).toEqual([]);
    world.act({ action: "user.updated", who: "usr_admin", resource: USER, detail: { changed: ["name"] } });
    expect(world.read(USER, 100)).toEqual([]);
  });
});

test("what nobody did, and what was said of it, is no use of anybody", () => {
  const world = createUsageWorld();
  expect(world.act({ action: "usage.abnormal", who: "usage_watch", detail: { kind: "reads_above_habit" } })).toEqual(
    [],
  );
  expect(world.act({ action: "auth.failed", who: USER, detail: { count: 100_000 } })).toEqual([]);
});
