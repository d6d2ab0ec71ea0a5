import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { describe, expect, test, vi } from "vitest";
import { createLimiter } from "../../src/adapters/limiter.ts";
import { createLimitLeases } from "../../src/adapters/memory/limit-leases.ts";
import { createLocalBuckets } from "../../src/adapters/memory/local-buckets.ts";
import type { Bindings } from "../../src/bindings.ts";
import { addressKey } from "../../src/domain/address.ts";
import type { AuditEntry } from "../../src/domain/audit-event.ts";
import { isAppError } from "../../src/domain/errors.ts";
import { createId, requireId } from "../../src/domain/ids.ts";
import { DEFAULT_LIMITS, type LimitName } from "../../src/domain/limits.ts";
import type { Principal } from "../../src/domain/principal.ts";
import type { RateLimiterObject, TakeRequest } from "../../src/domain/sliding-window.ts";
import type { RateLimiter } from "../../src/durable-objects/rate-limiter.ts";
import type { AppEnv } from "../../src/middleware/app-env.ts";
import { limitAddress, limitPrincipal } from "../../src/middleware/rate-limit.ts";
import type { Deps } from "../../src/services/deps.ts";
import { createFakeMetrics } from "../support/fake-metrics.ts";

const { RATE_LIMITER } = env as unknown as Bindings;
const FIVE: TakeRequest = { limit: 5, windowMs: 60_000, count: 1, leaseMs: 0, unspent: [] };

type Stub = DurableObjectStub & RateLimiterObject;
const find = (name: string) => RATE_LIMITER.get(RATE_LIMITER.idFromName(name)) as unknown as Stub;
const countTables = (stub: Stub) =>
  runInDurableObject(
    stub,
    (_, { storage }) => storage.sql.exec("select name from sqlite_master where name = 'taken'").toArray().length,
  );

function createIsolate(name: string) {
  return createLimiter({
    find: () => find(name),
    limits: DEFAULT_LIMITS,
    sha256: async (text) => text,
    nowMs: Date.now,
    leases: createLimitLeases(),
    buckets: createLocalBuckets(),
    metrics: createFakeMetrics(),
  });
}

describe("one object counts exactly", () => {
  test("of twice as many parallel asks as the limit, the limit is granted", async () => {
    const stub = find("parallel");
    const taken = await Promise.all(Array.from({ length: 10 }, () => stub.take(FIVE)));
    expect(taken.filter(({ granted }) => granted === 1)).toHaveLength(5);
  });

  test("a batch is granted in part, and then nothing", async () => {
    const stub = find("batch");
    expect(await stub.take({ ...FIVE, count: 3 })).toMatchObject({ granted: 3, remaining: 2 });
    expect(await stub.take({ ...FIVE, count: 3 })).toMatchObject({ granted: 2, remaining: 0 });
    expect(await stub.take({ ...FIVE, count: 3 })).toMatchObject({ granted: 0, remaining: 0 });
  });

  test("a burst across the edge of a window stays within the limit", async () => {
    const stub = find("edge");
    const nowMs = Date.now();
    const late = await Promise.all(Array.from({ length: 8 }, () => stub.take({ ...FIVE, nowMs: nowMs - 1 })));
    const early = await Promise.all(Array.from({ length: 8 }, () => stub.take({ ...FIVE, nowMs: nowMs + 1 })));
    expect([...late, ...early].filter(({ granted }) => granted === 1)).toHaveLength(5);
  });

  test("what was counted survives eviction", async () => {
    const stub = find("evicted");
    await stub.take({ ...FIVE, count: 5 });
    await evictDurableObject(stub);
    expect(await stub.take(FIVE)).toMatchObject({ granted: 0 });
  });

  test("what was handed back survives eviction too", async () => {
    const stub = find("handed back");
    const { atMs } = await stub.take({ ...FIVE, count: 5, leaseMs: 1500 });
    await stub.take({ ...FIVE, count: 0, leaseMs: 1500, unspent: [{ atMs, count: 2 }] });
    await evictDurableObject(stub);
    expect(await stub.take({ ...FIVE, count: 5, leaseMs: 1500 })).toMatchObject({ granted: 2 });
  });
});

describe("cleaning up", () => {
  test("the alarm of an empty window deletes everything, and the object counts on afterwards", async () => {
    const stub = find("cleaned");
    await stub.take({ ...FIVE, windowMs: 1 });
    await runDurableObjectAlarm(stub);
    await vi.waitFor(async () => expect(await countTables(stub)).toBe(0));
    const taken = await Promise.all(Array.from({ length: 10 }, () => stub.take(FIVE)));
    expect(taken.filter(({ granted }) => granted === 1)).toHaveLength(5);
  });

  test("an alarm that comes early forgets nothing", async () => {
    const stub = find("early alarm");
    await stub.take({ ...FIVE, count: 5 });
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await stub.take(FIVE)).toMatchObject({ granted: 0 });
    expect(await runInDurableObject(stub, (_, { storage }) => storage.getAlarm())).not.toBeNull();
  });

  test("a window of thousands of leases is a few hundred rows", async () => {
    const stub = find("bounded");
    const [row] = await runInDurableObject(stub, async (instance, { storage }) => {
      const limiter = instance as RateLimiter;
      const start = Date.now();
      for (let call = 0; call < 2000; call++) {
        await limiter.take({ ...FIVE, limit: 1_000_000, leaseMs: 1500, nowMs: start + call * 25 });
      }
      return storage.sql.exec<{ rows: number }>("select count(*) as rows from taken").toArray();
    });
    expect(row?.rows).toBeLessThan(520);
  });
});

describe("through the adapter, of twice as many calls as the limit exactly the limit pass", () => {
  test.each<[LimitName, number]>([
    ["login_account", 5],
    ["login_address", 20],
    ["principal", 100],
    ["token_read", 600],
  ])("%s: %d, two hundred at a time", async (name, limit) => {
    const limiter = createIsolate(`adapter ${name}`);
    let allowed = 0;
    for (let left = limit * 2; left > 0; left -= 200) {
      const calls = Array.from({ length: Math.min(left, 200) }, () => limiter.take(name, "somebody"));
      const decisions = await Promise.all(calls);
      expect(decisions.filter(({ degraded }) => degraded)).toEqual([]);
      allowed += decisions.filter((decision) => decision.allowed).length;
    }
    expect(allowed).toBe(limit);
  });
});

describe("an address is counted", () => {
  test.each([
    ["192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:1::", "2001:db8:1:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    [null, "unknown"],
  ])("%s as %s", (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  test("apart from its neighbour's network", () => {
    expect(addressKey("2001:db8:1:2::1")).not.toBe(addressKey("2001:db8:1:3::1"));
  });
});

describe("a limited route", () => {
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const USER: Principal = {
    id: createId("usr", random),
    workspaceId: createId("wsp", random),
    role: "viewer",
    email: "a@example.com",
    name: null,
    permissions: [],
    credential: { kind: "api_key", keyId: createId("key", random), fingerprint: "f" },
    impersonatedBy: null,
  };

  /** An app with one route, called by `principal` (null = nobody known) from `ip`. */
  function createApp(objectName: string, principal: Principal | null, find?: () => RateLimiterObject) {
    const counted: { chain: string; key: string; entry: AuditEntry }[] = [];
    const limiter = find === undefined ? createIsolate(objectName) : createBroken(find);
    const deps = {
      limiter,
      sha256: async (text: string) => `hash of ${text.length}`,
      audit: {
        record: async () => undefined,
        count: async (chain: string, key: string, entry: AuditEntry) => void counted.push({ chain, key, entry }),
      },
    } as unknown as Deps;
    const app = new Hono<AppEnv>();
    app.use(async (c, next) => {
      c.set("deps", deps);
      c.set("requestId", "req_1");
      c.set("ip", "192.0.2.1");
      if (principal !== null) c.set("principal", principal);
      await next();
    });
    app.get("/open/:ticket", limitAddress("login_account"), (c) => c.text("ok"));
    app.get("/mine/:id", limitPrincipal("connect"), (c) => c.text("ok"));
    app.onError((error, c) =>
      c.json(
        { code: isAppError(error) ? error.code : "bug", wait: isAppError(error) ? error.retryAfterSeconds : null },
        429,
      ),
    );
    return { app, counted };
  }

  function createBroken(find: () => RateLimiterObject) {
    return createLimiter({
      find,
      limits: DEFAULT_LIMITS,
      sha256: async (text) => text,
      nowMs: Date.now,
      leases: createLimitLeases(),
      buckets: createLocalBuckets(),
      metrics: createFakeMetrics(),
    });
  }

  test("says what is left in its headers", async () => {
    const { app } = createApp("headers", null);
    const { headers } = await app.request("/open/t");
    expect([
      headers.get("RateLimit-Limit"),
      headers.get("RateLimit-Remaining"),
      headers.get("RateLimit-Reset"),
    ]).toEqual(["5", "4", "60"]);
  });

  test("refuses the call after the last with the same headers and the time to wait, and audits it", async () => {
    const { app, counted } = createApp("refused", null);
    for (let call = 0; call < 5; call++) expect((await app.request("/open/secret-ticket")).status).toBe(200);
    const refused = await app.request("/open/secret-ticket");
    expect(await refused.json()).toEqual({ code: "rate_limited", wait: expect.any(Number) });
    expect(refused.headers.get("RateLimit-Remaining")).toBe("0");
    expect(counted).toEqual([
      {
        chain: "wsp_unauthenticated",
        key: "limit.exceeded:login_account:hash of 9",
        entry: expect.objectContaining({
          action: "limit.exceeded",
          actor: { type: "anonymous", id: null },
          resource: { type: "route", id: "GET /open/:ticket" },
          ip: "192.0.2.1",
        }),
      },
    ]);
    expect(JSON.stringify(counted)).not.toContain("secret-ticket");
  });

  test("audits a known caller in their own workspace", async () => {
    const { app, counted } = createApp("known", USER);
    for (let call = 0; call < 11; call++) await app.request("/mine/1");
    expect(counted).toHaveLength(1);
    expect(counted[0]).toMatchObject({ chain: USER.workspaceId, entry: { actor: { type: "api_key", id: USER.id } } });
  });

  test("counts a key that acts for a user apart from that user", async () => {
    const acting = { ...USER, impersonatedBy: requireId("key", `key_${"1".repeat(32)}`) };
    const asUser = createApp("apart", USER).app;
    const asKey = createApp("apart", acting, () => find("apart, by a key")).app;
    for (let call = 0; call < 11; call++) await asUser.request("/mine/1");
    expect((await asKey.request("/mine/1")).status).toBe(200);
  });

  test("whose limiter is away passes, and says so to the audit log", async () => {
    const { app, counted } = createApp("", USER, () => {
      throw new Error("away");
    });
    expect((await app.request("/mine/1")).status).toBe(200);
    expect(counted).toMatchObject([
      { chain: "wsp_unauthenticated", key: "limiter.degraded:connect", entry: { action: "limiter.degraded" } },
    ]);
  });
});
