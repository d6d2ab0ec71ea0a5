import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { connectOverHttp } from "../../local/migrate/database.ts";
import type { LoggedCall } from "../../local/vault/call-log.ts";
import { findUncleanLabels, sumSamples } from "../support/prometheus.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { openAlerts } from "./alert-client.ts";
import { alertsUrl } from "./alert-load.ts";
import { findLeaks } from "./leaks.ts";
import { connect, countRefreshes, login, type Person, readToken, register, send, steer } from "./person.ts";
import { playRetention } from "./retention-story.ts";

/** The demo provider rotates refresh tokens and ends the whole grant when an old one is used again. */
const PROVIDER = "demo";
const MANY = 200;
const VAULT_OUTAGE_MS = 3_000;
const METRICS_TOKEN = randomBytes(24).toString("base64url");

let stack: Stack;
let operator: Person;
const opened: { readonly person: Person; readonly connection: string }[] = [];

beforeAll(async () => {
  stack = await startStack({
    env: {
      METRICS_TOKEN,
      WEBHOOK_ALLOW_LOOPBACK: "true",
      RATE_LIMITS: JSON.stringify({ register_address: 1000, login_address: 1000, token_read: 100_000, connect: 1000 }),
    },
  });
});

afterAll(async () => {
  await stack?.stop();
});

beforeEach(async () => {
  await steer(stack.endpoints().sandbox, "/_reset", {});
  await steer(stack.endpoints().vault, "/_reset", {});
});

afterEach(async () => {
  // A connection that is left goes on refreshing by itself, into the counts of the next story.
  for (const { person, connection } of opened.splice(0)) {
    expect((await person.call("DELETE", `/api/v1/connections/${connection}`)).status).toBe(204);
  }
});

async function open(person: Person): Promise<string> {
  const connection = await connect(stack, person, PROVIDER);
  opened.push({ person, connection });
  return connection;
}

async function tokenOf(person: Person, connection: string): Promise<string> {
  const { status, body } = await readToken(person, connection);
  expect(status, JSON.stringify(body)).toBe(200);
  return body.token_data.access_token;
}

async function forceRefresh(person: Person, connection: string): Promise<void> {
  const forced = await person.call("POST", `/api/v1/connections/${connection}/refresh`, { force: true });
  expect(forced).toMatchObject({ status: 200, body: { refreshed: true } });
}

async function setLife(seconds: number, provider = PROVIDER): Promise<void> {
  await steer(stack.endpoints().sandbox, "/_tokens", { provider, expires_in: seconds, rotate: true });
}

/** A refresh falls due at half the life of tokens this short. */
async function waitUntilDue(seconds: number): Promise<void> {
  await sleep(seconds * 500 + 100);
}

test("a running stack says that it is alive and ready", async () => {
  expect(await send(`${stack.url}/health/liveness`, "GET")).toMatchObject({ status: 200, body: { status: "alive" } });
  const readiness = await send(`${stack.url}/health/readiness`, "GET");
  const checks = { database: "ok", vault: "ok", cache: "ok" };
  expect(readiness).toMatchObject({ status: 200, body: { status: "ready", checks } });
});

test("whoever registers can sign in and is told who they are", async () => {
  const person = await register(stack);
  const me = await person.call("GET", "/api/auth/me");
  expect(me).toMatchObject({ status: 200, body: { id: person.id, email: person.email, role: "admin" } });
});

test("Google Cloud is connected by consent, gives a token, and gives none once it is disconnected", async () => {
  const person = await register(stack);
  const connection = await connect(stack, person, "gcp");
  const listed = await person.call("GET", `/api/v1/connections/${connection}`);
  expect(listed).toMatchObject({ status: 200, body: { provider: "gcp", status: "active", owner_id: person.id } });
  expect(await tokenOf(person, connection)).toMatch(/^ya29\./);
  expect((await person.call("DELETE", `/api/v1/connections/${connection}`)).status).toBe(204);
  expect((await readToken(person, connection)).status).toBe(404);
});

test(`${MANY} callers at the moment of expiry cause one refresh, and the grant still works for three more`, async () => {
  const lifeSeconds = 12;
  await setLife(lifeSeconds);
  const person = await register(stack);
  const connection = await open(person);
  const first = await tokenOf(person, connection);
  // Long enough that two hundred answers on a busy machine do not run into the next expiry.
  await setLife(60);
  await steer(stack.endpoints().sandbox, "/_faults", {
    provider: PROVIDER,
    endpoint: "token",
    kind: "delay",
    ms: 1500,
  });
  await waitUntilDue(lifeSeconds);
  const tokens = new Set(await Promise.all(Array.from({ length: MANY }, () => tokenOf(person, connection))));
  expect(await countRefreshes(stack, PROVIDER)).toBe(1);
  expect([...tokens]).toHaveLength(1);
  expect(tokens).not.toContain(first);

  await setLife(6);
  await forceRefresh(person, connection);
  for (let expiry = 2; expiry <= 4; expiry += 1) {
    const before = await tokenOf(person, connection);
    await expect.poll(() => tokenOf(person, connection), { timeout: 30_000, interval: 500 }).not.toBe(before);
  }
  expect(await person.call("GET", `/api/v1/connections/${connection}`)).toMatchObject({ body: { status: "active" } });
});

test("a provider that takes 11 seconds is asked once, and no grant is lost", async () => {
  const lifeSeconds = 24;
  await setLife(lifeSeconds);
  const person = await register(stack);
  const connection = await open(person);
  const first = await tokenOf(person, connection);
  const slow = { provider: PROVIDER, endpoint: "token", kind: "delay", ms: 11_000 };
  await steer(stack.endpoints().sandbox, "/_faults", slow);
  await waitUntilDue(lifeSeconds);
  const early = await Promise.all(Array.from({ length: 20 }, () => tokenOf(person, connection)));
  await expect.poll(() => tokenOf(person, connection), { timeout: 15_000, interval: 500 }).not.toBe(first);
  const second = await tokenOf(person, connection);
  // Callers wait ten seconds, then have the old token while it lives.
  expect(early.filter((token) => token !== first && token !== second)).toEqual([]);
  expect(await countRefreshes(stack, PROVIDER)).toBe(1);
  await forceRefresh(person, connection);
});

test("a rotated token outlives a Vault outage, and the provider is not asked twice", async () => {
  const person = await register(stack);
  const connection = await open(person);
  const first = await tokenOf(person, connection);
  await refreshWithoutVault(person, connection);
  await sleep(VAULT_OUTAGE_MS);
  await steer(stack.endpoints().vault, "/_reset", {});
  await expect.poll(() => tokenOf(person, connection), { timeout: 60_000, interval: 500 }).not.toBe(first);
  await sleep(4_000);
  expect(await countRefreshes(stack, PROVIDER)).toBe(1);
  await forceRefresh(person, connection);
});

test("killed between the provider's answer and the Vault write, the rotated token is there after a restart, and so is the rest", async () => {
  const person = await register(stack);
  const connection = await open(person);
  const first = await tokenOf(person, connection);
  await refreshWithoutVault(person, connection);
  await stack.kill();
  await stack.restart({ OPERATOR_WORKSPACE_ID: person.workspaceId });
  await expect.poll(() => tokenOf(person, connection), { timeout: 60_000, interval: 500 }).not.toBe(first);
  // The count began again with the sandbox: the provider was not asked a second time.
  expect(await countRefreshes(stack, PROVIDER)).toBe(0);
  operator = await login(stack, person.email, person.password);
  expect(operator.id).toBe(person.id);
  await forceRefresh(operator, connection);
});

test("a bad token is in the log of nobody's workspace, which the operator reads and verifies, and nobody else", async () => {
  const path = "/api/v1/audit?chain=unauthenticated&limit=200";
  const before = (await operator.call("GET", path)).body.events.length;
  const { body } = await send(`${stack.url}/api/auth/me`, "GET", undefined, { authorization: "Bearer nonsense" });
  // The first of a counted kind is sent after the answer.
  await expect
    .poll(async () => (await operator.call("GET", path)).body.events.slice(before), { timeout: 15_000, interval: 500 })
    .toMatchObject([
      {
        ...{ action: "auth.failed", outcome: "failure", request_id: body.request_id },
        ...{ actor: { type: "anonymous", id: null }, ip: expect.stringMatching(/^(127\.0\.0\.1|::1)$/) },
      },
    ]);
  expect((await operator.call("GET", "/api/v1/audit/verify?chain=unauthenticated")).body).toMatchObject({ ok: true });
  const stranger = await register(stack);
  for (const end of ["", "/verify"]) {
    const refused = await stranger.call("GET", `/api/v1/audit${end}?chain=unauthenticated`);
    expect(refused).toMatchObject({ status: 403, body: { code: "forbidden" } });
  }
});

test("the operator's socket on that log closes within five seconds of its session or key being revoked", async () => {
  const agent = await operator.call("POST", "/api/v1/auth/api-keys", {
    service_name: "siem",
    permissions: ["audit:read"],
  });
  const session = await login(stack, operator.email, operator.password);
  const url = `${alertsUrl(stack)}?chain=unauthenticated`;
  const kept = await openAlerts(url, { authorization: `Bearer ${operator.session}` });
  const revoked = [
    await openAlerts(url, { "x-api-key": agent.body.api_key }),
    await openAlerts(url, { authorization: `Bearer ${session.session}` }),
  ];
  const closed = revoked.map((ws) => new Promise<CloseEvent>((resolve) => ws.addEventListener("close", resolve)));
  const begin = Date.now();
  expect((await operator.call("DELETE", `/api/v1/auth/api-keys/${agent.body.id}`)).status).toBe(204);
  expect((await session.call("POST", "/api/auth/logout")).status).toBe(204);
  expect((await Promise.all(closed)).map(({ code }) => code)).toEqual([1008, 1008]);
  expect(Date.now() - begin).toBeLessThan(5000);
  expect(kept.readyState).toBe(WebSocket.OPEN);
  kept.close();
});

/** Starts a forced refresh whose provider has answered while Vault refuses every write. */
async function refreshWithoutVault(person: Person, connection: string): Promise<void> {
  const { sandbox, vault } = stack.endpoints();
  await steer(sandbox, "/_faults", { provider: PROVIDER, endpoint: "token", kind: "delay", ms: 2_000 });
  const before = await countRefreshes(stack, PROVIDER);
  const refresh = person.call("POST", `/api/v1/connections/${connection}/refresh`, { force: true });
  // The connection breaks when the Worker is killed; that is what is wanted.
  refresh.catch(() => undefined);
  await expect.poll(() => countRefreshes(stack, PROVIDER), { timeout: 15_000, interval: 50 }).toBe(before + 1);
  // The secret was read; from here on nothing is written.
  await steer(vault, "/_faults", { kind: "status", status: 503, seconds: 600 });
  // A write is what follows the provider's answer.
  await expect.poll(() => countRefusedWrites(vault), { timeout: 30_000, interval: 100 }).toBeGreaterThan(0);
}

async function countRefusedWrites(vault: string): Promise<number> {
  const calls: readonly LoggedCall[] = (await send(`${vault}/_calls`, "GET")).body.calls;
  return calls.filter(({ method, status }) => method === "POST" && status === 503).length;
}

test("what ended a month ago is shown to the operator, purged once, and told", async () => {
  const { owner_url, postgres } = stack.endpoints();
  const owner = connectOverHttp(owner_url, `${postgres}/sql`);
  await playRetention(stack, (text) => owner.query([{ text }]));
});

test("the metrics say what happened in these stories, a crash included, and nothing of whom it happened to", async () => {
  const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
  const { status, body: text } = await send(`${stack.url}/metrics`, "GET", undefined, headers);
  expect(status).toBe(200);
  expect(findUncleanLabels(text)).toEqual([]);
  // Most of them happened before the Worker was killed.
  expect(sumSamples(text, "aurora_refreshes_total", { provider: PROVIDER, outcome: "renewed" })).toBeGreaterThan(5);
  const reads = { route: "/api/v1/connections/:id/token", status: "2xx" };
  expect(sumSamples(text, "aurora_http_request_duration_seconds_count", reads)).toBeGreaterThan(MANY);
  expect(sumSamples(text, "aurora_vault_request_duration_seconds_count", { outcome: "failed" })).toBeGreaterThan(0);
  expect(sumSamples(text, "aurora_metric_series_refused_total")).toBe(0);
});

test("no token, session or password of these stories is in Postgres, in a file or in a log", async () => {
  const person = await register(stack);
  const report = await findLeaks(stack, [person.id]);
  expect(report.leaks).toEqual([]);
  expect(report.secrets).toBeGreaterThan(50);
  expect(report.known).toEqual(expect.arrayContaining([expect.stringContaining("a dump of Postgres")]));
});
