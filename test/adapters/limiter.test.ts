import { createHash } from "node:crypto";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createLimiter } from "../../src/adapters/limiter.ts";
import { createLimitLeases } from "../../src/adapters/memory/limit-leases.ts";
import { createLocalBuckets } from "../../src/adapters/memory/local-buckets.ts";
import { DEFAULT_LIMITS, type LimitName } from "../../src/domain/limits.ts";
import type { Limiter } from "../../src/domain/ports/limiter.ts";
import { type RateLimiterObject, takeFromWindow, type WindowEntry } from "../../src/domain/sliding-window.ts";
import { createFakeMetrics } from "../support/fake-metrics.ts";

const LIMITS = { ...DEFAULT_LIMITS, token_read: { limit: 600, windowSeconds: 60 } };
const CLOSED: readonly LimitName[] = ["login_account", "login_address", "register_address", "change_password"];
const OPEN: readonly LimitName[] = [
  "principal",
  "token_read",
  "connect",
  "callback_address",
  "unauthenticated_address",
];

afterEach(() => {
  vi.useRealTimers();
});

/** The objects of all keys, in memory, with the real arithmetic; every ask is counted by object name. */
function createObjects(clock: { ms: number }) {
  const windows = new Map<string, readonly WindowEntry[]>();
  const asks: string[] = [];
  const find = (name: string): RateLimiterObject => ({
    take: async (request) => {
      asks.push(name);
      await Promise.resolve();
      const { taken, entries } = takeFromWindow(windows.get(name) ?? [], request, clock.ms);
      windows.set(name, entries);
      await Promise.resolve();
      return taken;
    },
  });
  return { find, asks };
}

function createIsolate(
  find: (name: string) => RateLimiterObject,
  clock: { ms: number },
  metrics = createFakeMetrics(),
): Limiter {
  return createLimiter({
    find,
    limits: LIMITS,
    sha256: async (text) => createHash("sha256").update(text).digest("hex"),
    nowMs: () => clock.ms,
    leases: createLimitLeases(),
    buckets: createLocalBuckets(),
    metrics,
  });
}

function createOne() {
  const clock = { ms: 1_800_000_000_000 };
  const objects = createObjects(clock);
  return { clock, ...objects, limiter: createIsolate(objects.find, clock) };
}

async function countAllowed(limiter: Limiter, name: LimitName, calls: number): Promise<number> {
  const decisions = await Promise.all(Array.from({ length: calls }, () => limiter.take(name, "somebody")));
  return decisions.filter(({ allowed }) => allowed).length;
}

describe("of twice as many parallel calls as the limit, exactly the limit pass", () => {
  test.each<[LimitName, number]>([
    ["login_account", 5],
    ["login_address", 20],
    ["principal", 100],
    ["token_read", 600],
  ])("%s: %d", async (name, limit) => {
    const { limiter } = createOne();
    expect(await countAllowed(limiter, name, limit * 2)).toBe(limit);
  });

  test.each<[LimitName, number]>([
    ["principal", 100],
    ["token_read", 600],
  ])("%s: %d, in three isolates at once", async (name, limit) => {
    const { clock, find } = createOne();
    const isolates = [1, 2, 3].map(() => createIsolate(find, clock));
    const allowed = await Promise.all(isolates.map((isolate) => countAllowed(isolate, name, limit)));
    expect(allowed.reduce((sum, one) => sum + one)).toBeLessThanOrEqual(limit);
  });
});

test("exactly the limit pass although leases run out before the last answer is there", async () => {
  const { limiter, clock, find } = createOne();
  const slow = createIsolate(
    (name) => ({
      take: (request) => {
        clock.ms += 5;
        return find(name).take(request);
      },
    }),
    clock,
  );
  expect(await countAllowed(slow, "token_read", 1200)).toBe(600);
  expect(await countAllowed(limiter, "token_read", 10)).toBe(0);
});

describe("calls one after another", () => {
  test.each<[LimitName, number, number]>([
    ["login_account", 5, 1],
    ["principal", 100, 1],
    ["principal", 100, 590],
    ["token_read", 600, 1],
    ["token_read", 600, 97],
  ])("%s: exactly %d pass when they come every %d ms, leases that run out included", async (name, limit, everyMs) => {
    const { limiter, clock } = createOne();
    let allowed = 0;
    for (let call = 0; call < limit + 20 && call * everyMs < 59_000; call++, clock.ms += everyMs) {
      if ((await limiter.take(name, "somebody")).allowed) allowed += 1;
    }
    expect(allowed).toBe(limit);
  });

  test("never more than the limit pass in any window, whatever the pace of three isolates", async () => {
    const { clock, find } = createOne();
    const isolates = [1, 2, 3].map(() => createIsolate(find, clock));
    const passed: number[] = [];
    for (let call = 0, seed = 11; call < 3000; call++, seed = (seed * 1103515245 + 12345) % 2 ** 31) {
      clock.ms += seed % 200;
      const isolate = isolates[seed % 3] ?? isolates[0];
      if ((await isolate?.take("principal", "somebody"))?.allowed) passed.push(clock.ms);
    }
    const worst = passed.map((from) => passed.filter((at) => at >= from && at < from + 60_000).length);
    expect(Math.max(...worst)).toBeLessThanOrEqual(100);
    expect(Math.max(...worst)).toBeGreaterThan(90);
  });

  test("a busy leased limit costs a hop now and then, not one a call", async () => {
    const { limiter, clock, asks } = createOne();
    for (let call = 0; call < 500; call++, clock.ms += 10) await limiter.take("token_read", "somebody");
    expect(asks.length).toBeLessThan(60);
  });

  test("a flood of refused calls costs the object nothing until the next may pass", async () => {
    const { limiter, clock, asks } = createOne();
    for (let call = 0; call < 500; call++) await limiter.take("login_account", "somebody");
    expect(asks).toHaveLength(6);
    clock.ms += 60_000;
    expect(await limiter.take("login_account", "somebody")).toMatchObject({ allowed: true });
  });
});

describe("a decision", () => {
  test("counts down what remains and says when the window is empty", async () => {
    const { limiter } = createOne();
    expect(await limiter.take("login_account", "a")).toEqual({
      allowed: true,
      limit: 5,
      remaining: 4,
      resetSeconds: 60,
      degraded: false,
    });
    expect(await limiter.take("login_account", "a")).toMatchObject({ remaining: 3 });
  });

  test("counts down a leased limit as exactly", async () => {
    const { limiter } = createOne();
    const remaining: number[] = [];
    for (let call = 0; call < 100; call++) remaining.push((await limiter.take("principal", "a")).remaining);
    expect(remaining).toEqual(Array.from({ length: 100 }, (_, index) => 99 - index));
  });

  test("of a refusal says how long to wait", async () => {
    const { limiter, clock } = createOne();
    await countAllowed(limiter, "login_account", 5);
    clock.ms += 20_500;
    expect(await limiter.take("login_account", "somebody")).toMatchObject({
      allowed: false,
      remaining: 0,
      resetSeconds: 40,
    });
  });

  test("never tells of a window longer than its own when it allows", async () => {
    const { limiter } = createOne();
    for (let call = 0; call < 50; call++) {
      expect((await limiter.take("principal", "a")).resetSeconds).toBeLessThanOrEqual(60);
    }
  });
});

describe("buckets and keys are apart", () => {
  test("a full bucket leaves another bucket and another caller alone", async () => {
    const { limiter } = createOne();
    await countAllowed(limiter, "login_account", 10);
    expect(await limiter.take("change_password", "somebody")).toMatchObject({ allowed: true });
    expect(await limiter.take("login_account", "somebody else")).toMatchObject({ allowed: true });
  });

  test("an object's name says the bucket and nothing of the caller", async () => {
    const { limiter, asks } = createOne();
    await limiter.take("login_account", "anna@example.com");
    expect(asks[0]).toMatch(/^login_account:[0-9a-f]{64}$/);
  });
});

describe("when the object throws", () => {
  const broken = (): RateLimiterObject => ({ take: () => Promise.reject(new Error("away")) });

  test.each(CLOSED)("%s is decided by a local bucket of the same limit", async (name) => {
    const limiter = createIsolate(broken, { ms: 1_800_000_000_000 });
    const { limit } = DEFAULT_LIMITS[name];
    expect(await countAllowed(limiter, name, limit * 2)).toBe(limit);
  });

  test.each(OPEN)("%s passes", async (name) => {
    const limiter = createIsolate(broken, { ms: 1_800_000_000_000 });
    expect(await countAllowed(limiter, name, 700)).toBe(700);
  });

  test("every decision says so", async () => {
    const limiter = createIsolate(broken, { ms: 1_800_000_000_000 });
    expect(await limiter.take("principal", "a")).toMatchObject({ allowed: true, degraded: true });
    expect(await limiter.take("login_account", "a")).toMatchObject({ allowed: true, degraded: true });
  });

  test("a namespace that throws is no different", async () => {
    const limiter = createIsolate(
      () => {
        throw new Error("no such namespace");
      },
      { ms: 1_800_000_000_000 },
    );
    expect(await limiter.take("principal", "a")).toMatchObject({ degraded: true });
  });

  test("it is asked again as soon as it is back", async () => {
    const { clock, find } = createOne();
    let isAway = true;
    const limiter = createIsolate((name) => (isAway ? broken() : find(name)), clock);
    await limiter.take("login_account", "a");
    isAway = false;
    expect(await limiter.take("login_account", "a")).toMatchObject({ degraded: false, remaining: 4 });
  });
});

test("an object that does not answer in half a second counts as away", async () => {
  vi.useFakeTimers();
  const limiter = createIsolate(() => ({ take: () => new Promise(() => undefined) }), { ms: 1_800_000_000_000 });
  const decision = limiter.take("login_account", "a");
  await vi.advanceTimersByTimeAsync(500);
  expect(await decision).toMatchObject({ allowed: true, degraded: true, remaining: 4 });
});

describe("memory is bounded", () => {
  test("local buckets beyond their number refuse rather than grow, and make room when windows are empty", () => {
    const buckets = createLocalBuckets(100);
    const takes = (ms: number) =>
      Array.from({ length: 150 }, (_, index) => buckets.take(`${ms}-${index}`, 5, 60_000, ms).granted);
    expect(takes(0).filter((granted) => granted === 0)).toHaveLength(50);
    expect(takes(60_000).filter((granted) => granted === 1)).toHaveLength(100);
  });

  test("forgetting a caller's leases never lets an extra call pass", async () => {
    const clock = { ms: 1_800_000_000_000 };
    const { find } = createObjects(clock);
    const limiter = createLimiter({
      find,
      limits: LIMITS,
      sha256: async (text) => text,
      nowMs: () => clock.ms,
      leases: createLimitLeases(2),
      buckets: createLocalBuckets(),
      metrics: createFakeMetrics(),
    });
    const allowed = new Map<string, number>();
    for (let call = 0; call < 900; call++) {
      const key = `caller ${call % 3}`;
      if ((await limiter.take("principal", key)).allowed) allowed.set(key, (allowed.get(key) ?? 0) + 1);
    }
    expect(Math.max(...allowed.values())).toBeLessThanOrEqual(100);
  });
});

describe("decisions are counted", () => {
  const DECISIONS = "aurora_limit_decisions_total";

  test("by bucket, and by who made them: the hops that leases save are seen", async () => {
    const { clock, find, asks } = createOne();
    const metrics = createFakeMetrics();
    const limiter = createIsolate(find, clock, metrics);
    for (let call = 0; call < 600; call++) await limiter.take("token_read", "somebody");
    await limiter.take("token_read", "somebody");
    const counted = metrics.counted(DECISIONS);
    const [leased = 0, asked = 0] = [counted["token_read allowed lease"], counted["token_read allowed object"]];
    expect(leased + asked).toBe(600);
    expect(asked).toBeLessThan(60);
    expect((counted["token_read refused lease"] ?? 0) + (counted["token_read refused object"] ?? 0)).toBe(1);
    expect(asks.length).toBeLessThan(70);
  });

  test("also while the object is away, as decided alone", async () => {
    const metrics = createFakeMetrics();
    const broken = { take: () => Promise.reject(new Error("away")) };
    const limiter = createIsolate(() => broken, { ms: 1_800_000_000_000 }, metrics);
    for (let call = 0; call < 6; call++) await limiter.take("login_account", "somebody");
    await limiter.take("principal", "somebody");
    expect(metrics.counted(DECISIONS)).toEqual({
      "login_account allowed alone": 5,
      "login_account refused alone": 1,
      "principal allowed alone": 1,
    });
  });
});
