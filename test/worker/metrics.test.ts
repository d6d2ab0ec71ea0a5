import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createApp } from "../../src/app.ts";
import type { Bindings } from "../../src/bindings.ts";
import { createDeps } from "../../src/deps.ts";
import { METRICS } from "../../src/domain/metric.ts";
import { isSeriesOf, sizeOf } from "../../src/domain/metric-series.ts";
import { findUncleanLabels, parseExposition, readSample, sumSamples } from "../support/prometheus.ts";
import {
  bearer,
  connectGrafana,
  cookie,
  newAddress,
  newColleague,
  newKey,
  newPerson,
  ORIGIN,
  type Person,
  type Reply,
  requireStatus,
  send,
} from "../support/worker-client.ts";
import { watchNetwork } from "../support/worker-network.ts";

const bindings = env as unknown as Bindings;
const TOKEN = bindings.METRICS_TOKEN ?? "";
const HTTP = "aurora_http_request_duration_seconds";
const LIVENESS = { method: "GET", route: "/health/liveness", status: "2xx" };

const scrape = async () => requireStatus(await send("GET", "/metrics", { headers: bearer(TOKEN) }), 200).text;
const metricsObject = () => bindings.METRICS.get(bindings.METRICS.idFromName("deployment"));
const countCalls = (text: string) => readSample(text, `${HTTP}_count`, LIVENESS) ?? 0;

/** Another isolate of the same deployment: it shares nothing but what is bound. */
function openIsolate(more: Partial<Bindings> = {}) {
  const app = createApp();
  const own = { ...bindings, ...more };
  const deferred: Promise<unknown>[] = [];
  const context = { waitUntil: (work: Promise<unknown>) => void deferred.push(work) };
  return {
    call: async (path: string, headers: Record<string, string> = {}) => {
      const request = new Request(`${ORIGIN}${path}`, { headers: { "cf-connecting-ip": newAddress(), ...headers } });
      const response = await app.fetch(request, { createDeps: () => createDeps(own, context) });
      return { status: response.status, text: await response.text() };
    },
    settle: () => Promise.all(deferred),
  };
}

afterEach(() => {
  vi.restoreAllMocks();
});

// The first call loads the Worker, which is no test's business.
beforeAll(async () => {
  await send("GET", "/health/liveness");
});

describe("GET /metrics", () => {
  test("is text that a strict reader takes, with every metric there is", async () => {
    const reply = requireStatus(await send("GET", "/metrics", { headers: bearer(TOKEN) }), 200);
    expect(reply.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect([...parseExposition(reply.text).keys()]).toEqual(Object.keys(METRICS));
  });

  test.each<[string, Record<string, string>]>([
    ["nobody", {}],
    ["another token", bearer(`${TOKEN.slice(0, -1)}_`)],
    ["part of the token", bearer(TOKEN.slice(0, -1))],
    ["more than the token", bearer(`${TOKEN}x`)],
    ["the token as a key", { "x-api-key": TOKEN }],
    ["the token in a cookie", cookie(TOKEN)],
    ["the token beside a bad key", { ...bearer(TOKEN), "x-api-key": "aurora_nonsense" }],
    ["the token beside a bad cookie", { ...bearer(TOKEN), ...cookie("nonsense") }],
    ["the token for a user", { ...bearer(TOKEN), "x-user-id": `usr_${"0".repeat(32)}` }],
    ["the token by another scheme", { authorization: `Basic ${TOKEN}` }],
  ])("refuses %s", async (_, headers) => {
    const reply = await send("GET", "/metrics", { headers });
    expect(reply).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
    expect(reply.text).not.toContain("aurora_");
  });

  test("is closed to every token while none is set", async () => {
    const { call } = openIsolate({ METRICS_TOKEN: "" });
    expect((await call("/metrics", bearer(TOKEN))).status).toBe(401);
    expect((await call("/metrics", { authorization: "Bearer " })).status).toBe(401);
  });

  test("opens with metrics:read in the operator's workspace, and with it nowhere else", async () => {
    const [operator, stranger] = [await newPerson(), await newPerson()];
    const viewer = await newColleague(operator, "viewer");
    const { call } = openIsolate({ OPERATOR_WORKSPACE_ID: operator.workspaceId });
    const answer = await call("/metrics", bearer(operator.token));
    expect(answer.status).toBe(200);
    expect(parseExposition(answer.text).size).toBeGreaterThan(10);
    const key = await newKey(operator, ["metrics:read"]);
    expect((await call("/metrics", { "x-api-key": key.secret })).status).toBe(200);
    expect((await call("/metrics", bearer(viewer.token))).status).toBe(403);
    expect((await call("/metrics", bearer(stranger.token))).status).toBe(403);
    expect((await operator.call("GET", "/metrics")).status).toBe(403);
  });

  test("is what the document says, with a way in of its own", async () => {
    const { body } = await send("GET", "/openapi.json");
    expect(body.paths["/metrics"].get.security).toContainEqual({ metricsToken: [] });
    expect(body.components.securitySchemes.metricsToken).toMatchObject({ type: "http", scheme: "bearer" });
    expect(Object.keys(body.paths["/metrics"].get.responses[200].content)).toEqual([
      "text/plain; version=0.0.4; charset=utf-8",
    ]);
  });
});

describe("what is counted", () => {
  test("is exact over calls, isolates and starts of the object", async () => {
    const before = countCalls(await scrape());
    await Promise.all(Array.from({ length: 120 }, () => send("GET", "/health/liveness")));
    const { call, settle } = openIsolate();
    await Promise.all(Array.from({ length: 80 }, () => call("/health/liveness")));
    await settle();
    await evictDurableObject(metricsObject());
    expect(countCalls(await scrape())).toBe(before + 200);
    await evictDurableObject(metricsObject());
    expect(countCalls(await scrape())).toBe(before + 200);
  });

  test("arrives by itself, a second later", async () => {
    const before = countCalls(await scrape());
    await send("GET", "/health/liveness");
    const stored = () =>
      runInDurableObject(metricsObject(), async (object) => {
        const totals = await (
          object as unknown as {
            totals(): Promise<{ name: string; series: { values: string[]; numbers: number[] }[] }[]>;
          }
        ).totals();
        const series = totals.find(({ name }) => name === HTTP)?.series ?? [];
        const numbers = series.find(({ values }) => values.join(" ") === "GET /health/liveness 2xx")?.numbers ?? [];
        return numbers.slice(0, -1).reduce((sum, count) => sum + count, 0);
      });
    await expect.poll(stored, { timeout: 5000 }).toBe(before + 1);
  });

  test("names routes by their pattern, and what no route took as unmatched", async () => {
    const admin = await newPerson();
    const before = await scrape();
    const secret = "wp-login-secret";
    expect((await send("GET", `/${secret}`)).status).toBe(404);
    await admin.call("GET", `/api/v1/connections/con_${"0a".repeat(16)}`);
    await send("GET", "/api/auth/me");
    const after = await scrape();
    const rise = (labels: Record<string, string>) =>
      sumSamples(after, `${HTTP}_count`, labels) - sumSamples(before, `${HTTP}_count`, labels);
    expect(rise({ route: "unmatched", status: "4xx" })).toBe(1);
    expect(rise({ route: "/api/v1/connections/:id", status: "4xx" })).toBe(1);
    expect(rise({ route: "/api/auth/me", status: "4xx" })).toBe(1);
    expect(after).not.toContain(secret);
  });

  test("can name every route there is", () => {
    const numbers = Array<number>(sizeOf(METRICS[HTTP])).fill(0);
    const paths = createApp().routes.map(({ path }) => path);
    expect(paths.length).toBeGreaterThan(50);
    expect(paths.filter((path) => !isSeriesOf(METRICS[HTTP], { values: ["GET", path, "2xx"], numbers }))).toEqual([]);
  });

  test("parts the looks for a credential by tier, and counts calls of Vault, Postgres and the limiter", async () => {
    const admin = await newPerson();
    const { id } = (await connectGrafana(admin, { shared: true })).body;
    const before = await scrape();
    const first = await newKey(admin, ["tokens:read"]);
    for (let read = 0; read < 5; read++) {
      expect((await first.call("GET", `/api/v1/connections/${id}/token`)).status).toBe(200);
    }
    const after = await scrape();
    const rise = (name: string, labels: Record<string, string>) =>
      sumSamples(after, name, labels) - sumSamples(before, name, labels);
    const lookups = "aurora_credential_lookups_total";
    expect(rise(lookups, { tier: "isolate", outcome: "miss" })).toBe(1);
    expect(rise(lookups, { tier: "isolate", outcome: "hit" })).toBe(4);
    expect(rise(lookups, { tier: "kv" }) + rise(lookups, { tier: "vault" })).toBeGreaterThan(0);
    expect(rise("aurora_limit_decisions_total", { bucket: "token_read", decision: "allowed" })).toBe(5);
    expect(rise("aurora_limit_decisions_total", { bucket: "token_read", source: "lease" })).toBeGreaterThan(0);
    expect(rise("aurora_database_request_duration_seconds_count", { outcome: "ok" })).toBeGreaterThan(0);
    // Keepers and logs count in isolates of their own, which send what they have within a second.
    const written = { operation: "write", outcome: "ok" };
    const sumLater = async (name: string, labels: Record<string, string>) => sumSamples(await scrape(), name, labels);
    await expect.poll(() => sumLater("aurora_vault_request_duration_seconds_count", written)).toBeGreaterThan(0);
    await expect.poll(() => sumLater("aurora_audit_events_total", { stage: "chained" })).toBeGreaterThan(0);
  });

  test("is written to Analytics Engine where that is bound, a point for each series", async () => {
    const points: { indexes: string[]; blobs: string[]; doubles: number[] }[] = [];
    const writeDataPoint = (point?: AnalyticsEngineDataPoint) => void points.push(point as (typeof points)[number]);
    const { call, settle } = openIsolate({ ANALYTICS: { writeDataPoint } });
    for (let calls = 0; calls < 3; calls++) await call("/health/liveness");
    await settle();
    const http = points.filter(({ indexes }) => indexes[0] === HTTP);
    expect(http.map(({ blobs }) => blobs)).toEqual([[HTTP, "GET", "/health/liveness", "2xx"]]);
    expect(http[0]?.doubles[0]).toBe(3);
  });

  test("holds no id, address, email or secret", async () => {
    const admin = await newPerson();
    const key = await newKey(admin);
    const { id } = (await connectGrafana(admin)).body;
    await key.call("GET", `/api/v1/connections/${id}`);
    await send("GET", `/connect/${id}?ticket=${key.secret}`);
    await send("POST", "/api/auth/login", { body: { email: admin.email, password: "wrong password" } });
    const text = await scrape();
    expect(findUncleanLabels(text)).toEqual([]);
    for (const secret of [admin.id, admin.workspaceId, admin.token, key.id, key.secret, id]) {
      expect(text).not.toContain(secret);
    }
  });
});

describe("GET /api/v1/security/metrics", () => {
  const NOTHING = {
    failed_authentications: 0,
    rate_limit_violations: 0,
    unauthorized_access: 0,
    abnormal_usage: 0,
    database_failures: 0,
    refresh_failures: 0,
  };
  const ask = async (person: Pick<Person, "call">, period = "1h"): Promise<Reply["body"]> =>
    requireStatus(await person.call("GET", `/api/v1/security/metrics?period=${period}`), 200).body;
  const failLogins = async (person: Person, times: number) => {
    for (let login = 0; login < times; login++) {
      const body = { email: person.email, password: "not the password" };
      expect((await send("POST", "/api/auth/login", { body })).status).toBe(401);
    }
  };

  test("is all zeros for a new workspace, over every period, an hour when none is named", async () => {
    const admin = await newPerson();
    for (const period of ["1h", "24h", "7d"]) expect(await ask(admin, period)).toEqual({ period, ...NOTHING });
    const reply = await admin.call("GET", "/api/v1/security/metrics");
    expect(reply).toMatchObject({ status: 200, body: { period: "1h" } });
  });

  test.each(["", "2h", "1H", "1h ", "7d,24h", "168h", "0", "__proto__"])("refuses the period %j", async (period) => {
    const admin = await newPerson();
    const reply = await admin.call("GET", `/api/v1/security/metrics?period=${encodeURIComponent(period)}`);
    expect(reply).toMatchObject({ status: 400, body: { code: "invalid_request" } });
  });

  test("needs metrics:read, which an analyst has not and a key can have", async () => {
    const admin = await newPerson();
    const analyst = await newColleague(admin, "analyst");
    expect((await analyst.call("GET", "/api/v1/security/metrics")).status).toBe(403);
    const [without, withIt] = [await newKey(admin), await newKey(admin, ["metrics:read"])];
    expect((await without.call("GET", "/api/v1/security/metrics")).status).toBe(403);
    expect((await withIt.call("GET", "/api/v1/security/metrics")).status).toBe(200);
    expect((await ask(admin)).unauthorized_access).toBe(2);
  });

  test("counts each refusal at once, repeats within the minute too, for that workspace alone", async () => {
    const [admin, other] = [await newPerson(), await newPerson()];
    const viewer = await newColleague(admin, "viewer");
    await failLogins(admin, 3);
    for (let call = 0; call < 7; call++) expect((await viewer.call("GET", "/api/v1/audit")).status).toBe(403);
    const wrong = { currentPassword: "not the password", newPassword: "another password" };
    expect((await viewer.call("POST", "/api/auth/change-password", wrong)).status).toBe(401);
    expect(await ask(admin)).toEqual({
      period: "1h",
      ...NOTHING,
      failed_authentications: 4,
      unauthorized_access: 7,
    });
    expect(await ask(other)).toEqual({ period: "1h", ...NOTHING });
    await evictDurableObject(bindings.AUDIT_LOG.get(bindings.AUDIT_LOG.idFromName(admin.workspaceId)));
    expect(await ask(admin, "7d")).toMatchObject({ failed_authentications: 4, unauthorized_access: 7 });
  });

  test("counts calls over a limit", async () => {
    const admin = await newPerson();
    const body = { currentPassword: "not the password", newPassword: "another password" };
    const replies = [];
    for (let call = 0; call < 9; call++)
      replies.push((await admin.call("POST", "/api/auth/change-password", body)).status);
    const refused = replies.filter((status) => status === 429).length;
    expect(refused).toBe(4);
    expect(await ask(admin)).toMatchObject({ rate_limit_violations: 4, failed_authentications: 5 });
  });

  test("counts failures of the database, for the workspace whose calls failed", async () => {
    const [admin, other] = [await newPerson(), await newPerson()];
    const before = sumSamples(await scrape(), "aurora_database_failures_total");
    const network = watchNetwork();
    network.fail("postgres", "cut");
    // Nobody is remembered yet: whose call it is is known by the token alone.
    for (let call = 0; call < 3; call++) expect((await admin.call("GET", "/api/auth/me")).status).toBe(503);
    network.mend();
    expect(await ask(admin)).toEqual({ period: "1h", ...NOTHING, database_failures: 3 });
    network.fail("postgres", "cut");
    // Now the caller is remembered, and what it asks for fails.
    expect((await admin.call("GET", "/api/v1/connections")).status).toBe(503);
    network.mend();
    expect((await ask(admin)).database_failures).toBe(4);
    expect((await ask(other)).database_failures).toBe(0);
    expect(sumSamples(await scrape(), "aurora_database_failures_total") - before).toBeGreaterThanOrEqual(4);
  });

  test("answers the operator what belongs to no workspace, and nobody else", async () => {
    const [operator, stranger] = [await newPerson(), await newPerson()];
    await send("GET", "/api/auth/me", { headers: bearer("nonsense") });
    const { call } = openIsolate({ OPERATOR_WORKSPACE_ID: operator.workspaceId });
    const path = "/api/v1/security/metrics?chain=unauthenticated";
    const answer = await call(path, bearer(operator.token));
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text).failed_authentications).toBeGreaterThan(0);
    expect((await call(path, bearer(stranger.token))).status).toBe(403);
  });

  test("adds up to what the deployment counts", async () => {
    const admin = await newPerson();
    const name = "aurora_failed_authentications_total";
    const before = sumSamples(await scrape(), name);
    await failLogins(admin, 2);
    expect((await ask(admin)).failed_authentications).toBe(2);
    // The log counts in an isolate of its own, which sends what it has within a second: what earlier tests left as well.
    await expect
      .poll(async () => sumSamples(await scrape(), name) - before, { timeout: 5000 })
      .toBeGreaterThanOrEqual(2);
  });
});
