import { beforeEach, describe, expect, test } from "vitest";
import { createAuditLog } from "../../src/adapters/audit-log.ts";
import { createAuditCounters } from "../../src/adapters/memory/audit-counters.ts";
import type { AuditLogObject } from "../../src/domain/audit-chain.ts";
import { appendRepeats, countAuditEvents } from "../../src/services/audit/append-audit-events.ts";
import { createFakeLog, type FakeLog } from "../services/audit/fake-log.ts";
import { createLogbook } from "../support/fake-logbook.ts";
import { createFakeMetrics } from "../support/fake-metrics.ts";
import { createIdentityApp, send } from "../support/identity-app.ts";
import { addKey, createIdentityWorld, type IdentityWorld, signUp } from "../support/identity-world.ts";
import { randomBytes } from "../support/random-bytes.ts";

const BAD_KEY = { "x-api-key": `aurora_${"0".repeat(64)}` };

let world: IdentityWorld;
let log: FakeLog;
let app: ReturnType<typeof createIdentityApp>;
let passMinute: () => Promise<void>;

/** The routes of identity over an isolate's own counters and a chain that keeps what those send. */
beforeEach(async () => {
  world = createIdentityWorld();
  log = createFakeLog();
  const object = {
    count: async (_, counted, key) => ({ ok: true, value: await countAuditEvents(log.append, counted, key) }),
  } satisfies Partial<AuditLogObject>;
  const audit = createAuditLog({
    find: () => object as unknown as AuditLogObject,
    counters: createAuditCounters(),
    metrics: createFakeMetrics(),
    defer: () => undefined,
    nowMs: () => log.clock.ms,
    sleep: () => new Promise(() => undefined),
    random: randomBytes,
    log: createLogbook(),
  });
  app = createIdentityApp({ ...world, deps: { ...world.deps, audit: { ...world.deps.audit, count: audit.count } } });
  passMinute = async () => {
    for (const chain of new Set([...world.deps.audit.entries.map((entry) => entry.chain), "wsp_unauthenticated"])) {
      await audit.drain(chain);
    }
    log.clock.ms += 60_000;
    await appendRepeats(log.append);
  };
});

const ask = (headers: Record<string, string>, path = "/api/auth/me") =>
  send(app, "GET", path, { headers: { "cf-connecting-ip": "192.0.2.1", ...headers } });
const recorded = () => log.outbox.map(({ text }) => JSON.parse(text));
const details = () => recorded().map(({ detail }) => detail);

describe("a minute of refusals", () => {
  test("says how often each reason was met, whichever comes first and last", async () => {
    await ask({});
    for (let guess = 0; guess < 49; guess++) await ask(BAD_KEY);
    await ask({});
    await passMinute();
    expect(details()).toEqual([
      { reason: "no_credential" },
      { reason: "invalid_key" },
      { reason: "no_credential", count: 1 },
      { reason: "invalid_key", count: 48 },
    ]);
  });

  test("is two events for a caller who tries one bad key on every route, and the sum names no route", async () => {
    const routes = app.routes.filter(({ method }) => method !== "ALL");
    for (const { method, path } of routes) {
      await send(app, method, path, { headers: { "cf-connecting-ip": "192.0.2.1", ...BAD_KEY } });
    }
    await passMinute();
    const [first, sum, ...more] = recorded().filter(({ detail }) => detail.reason === "invalid_key");
    expect(more).toEqual([]);
    expect(first).toMatchObject({ resource: { type: "route" }, ip: "192.0.2.1" });
    expect(sum).toMatchObject({ resource: null, ip: "192.0.2.1", detail: { count: expect.any(Number) } });
    expect(sum.detail.count).toBeGreaterThan(10);
    expect(recorded().filter(({ action }) => action === "auth.failed")).toEqual([first, sum]);
  });

  test("is two events for a proven caller who may do nothing, and names the route when it was one", async () => {
    const admin = await signUp(world, "admin@example.com");
    const { secret, id } = await addKey(world, admin.principal, []);
    const key = { "x-api-key": secret };
    for (const path of ["/api/v1/users", "/api/v1/auth/api-keys", "/api/v1/auth/api-keys"]) {
      expect((await ask(key, path)).status).toBe(403);
    }
    await passMinute();
    expect(recorded()).toMatchObject([
      { action: "auth.forbidden", actor: { id }, resource: { id: "GET /api/v1/users" } },
      { action: "auth.forbidden", actor: { id }, resource: { id: "GET /api/v1/auth/api-keys" }, detail: { count: 2 } },
    ]);
  });

  test("names no address when a key was refused from several", async () => {
    const admin = await signUp(world, "admin@example.com");
    const { secret } = await addKey(world, admin.principal, []);
    for (const host of [1, 2, 3]) {
      await ask({ "x-api-key": secret, "cf-connecting-ip": `192.0.2.${host}` }, "/api/v1/users");
    }
    await passMinute();
    expect(recorded()).toMatchObject([{ ip: "192.0.2.1" }, { ip: null, detail: { count: 2 } }]);
  });
});
