import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";
import { findLeaks } from "./leaks.ts";
import { connect, consent, login, type Person, type Reply, readToken, register, send, steer } from "./person.ts";

const MANY = JSON.stringify(
  Object.fromEntries(
    ["principal", "register_address", "login_address", "login_account", "connect"].map((name) => [name, 1000]),
  ),
);

const METRICS_TOKEN = randomBytes(32).toString("base64url");

let stack: Stack;
let admin: Person;

beforeAll(async () => {
  stack = await startStack({ env: { RATE_LIMITS: MANY, METRICS_TOKEN } });
  admin = await register(stack);
});

afterAll(async () => {
  await stack?.stop();
});

async function expectStatus(answer: Promise<Reply>, status: number): Promise<Reply["body"]> {
  const reply = await answer;
  expect(reply.status, JSON.stringify(reply.body)).toBe(status);
  return reply.body;
}

function withKey(key: string, method: string, path: string, body?: unknown, more: Record<string, string> = {}) {
  return send(`${stack.url}${path}`, method, body, { "x-api-key": key, ...more });
}

async function readCredentials(kind = ""): Promise<Readonly<Record<string, Readonly<Record<string, unknown>>>>> {
  return (await send(`${stack.endpoints().sandbox}/_credentials${kind}`, "GET")).body;
}

test("passwords: right and wrong ones, one that is changed, one in a body that is no JSON", async () => {
  const person = await register(stack);
  const password = "a new password of some length";
  const path = "/api/auth/login";
  await expectStatus(send(`${stack.url}${path}`, "POST", { email: person.email, password }), 401);
  const change = { currentPassword: person.password, newPassword: password };
  await expectStatus(person.call("POST", "/api/auth/change-password", change), 200);
  const token = { username: person.email, password };
  await expectStatus(send(`${stack.url}/api/v1/auth/token`, "POST", token), 200);
  await expectStatus(send(`${stack.url}${path}`, "POST", { email: person.email, password, [person.password]: 1 }), 400);
  const headers = { "content-type": "application/json" };
  const broken = await fetch(`${stack.url}${path}`, { method: "POST", headers, body: `{"password": "${password}"` });
  expect(broken.status).toBe(400);
  await expectStatus(send(`${stack.url}/api/auth/me?access_token=${person.session}`, "GET"), 401);
});

test("keys and agents' tokens: made, used, rotated, revoked, and where they do not belong", async () => {
  const permissions = ["connections:read", "connections:write", "tokens:read", "users:impersonate"];
  const made = await expectStatus(
    admin.call("POST", "/api/v1/auth/api-keys", { service_name: "leaks", permissions }),
    201,
  );
  await expectStatus(withKey(made.api_key, "GET", "/api/auth/me"), 200);
  const path = `/api/v1/auth/api-keys/${made.id}/rotate`;
  const next = await expectStatus(admin.call("POST", path, { grace_seconds: 60 }), 201);
  await expectStatus(withKey(`${next.api_key}x`, "GET", "/api/auth/me"), 401);
  await expectStatus(send(`${stack.url}/api/auth/me?api_key=${next.api_key}`, "GET"), 401);
  const agent = await expectStatus(admin.call("POST", "/api/kubectl/tokens", { cluster_name: "leaks" }), 201);
  const bearer = { authorization: `Bearer ${agent.token}` };
  await expectStatus(send(`${stack.url}/api/v1/connections`, "GET", undefined, bearer), 200);
  await expectStatus(admin.call("DELETE", `/api/kubectl/tokens/${agent.id}`), 204);
  await expectStatus(send(`${stack.url}/api/v1/connections`, "GET", undefined, bearer), 401);
  const metrics = { authorization: `Bearer ${METRICS_TOKEN}` };
  await expectStatus(send(`${stack.url}/metrics`, "GET", undefined, metrics), 200);
});

test("credentials of every provider: accepted, without permission, and in a field nobody knows", async () => {
  const [good, powerless, keys] = await Promise.all([
    readCredentials(),
    readCredentials("?refused"),
    readCredentials("?keys"),
  ]);
  const connectable = Object.entries({ ...good, ...keys }).filter(([, body]) => body["consent"] !== true);
  for (const [provider, body] of connectable) {
    const path = `/api/v1/providers/${provider}/connect`;
    const { id } = await expectStatus(admin.call("POST", path, body), 201);
    await expectStatus(readToken(admin, id), 200);
    await expectStatus(admin.call("POST", `/api/v1/connections/${id}/refresh`, { force: true }), 200);
    if (powerless[provider]) await expectStatus(admin.call("POST", path, powerless[provider]), 502);
    await expectStatus(admin.call("POST", path, { ...body, surprise: Object.values(body).at(-1) }), 400);
  }
  expect(connectable.length).toBeGreaterThan(10);
  for (const kind of ["html", "huge", "status"]) {
    await steer(stack.endpoints().sandbox, "/_faults", { provider: "grafana", endpoint: "api", kind });
    await expectStatus(admin.call("POST", "/api/v1/providers/grafana/connect", good["grafana"]), 502);
  }
});

test("consents: given, denied, used twice, finished by a backend, and left unclaimed", async () => {
  await steer(stack.endpoints().sandbox, "/_reset", {});
  for (const provider of ["demo", "gcp", "slack", "bitbucket"]) {
    const id = await connect(stack, admin, provider);
    await expectStatus(readToken(admin, id), 200);
    const forced = await expectStatus(admin.call("POST", `/api/v1/connections/${id}/refresh`, { force: true }), 200);
    const authorization = `Bearer ${admin.session}`;
    const proxied = `${stack.url}/api/v1/proxy/${id}/v1/echo?token=${forced.token_data.access_token}`;
    if (provider === "demo") await expectStatus(send(proxied, "GET", undefined, { authorization }), 200);
  }
  const start = async (body: object) =>
    (await expectStatus(admin.call("POST", "/api/v1/providers/demo/authorize", body), 200)).login_url;
  const denied = await consent(stack, await start({}), admin.session, { decision: "deny" });
  expect(denied.searchParams.get("login")).toBe("demo_failed");
  const stranger = await register(stack);
  await expect(consent(stack, await start({}), stranger.session)).rejects.toThrow("403");

  const body = { service_name: "backend", permissions: ["connections:write", "users:impersonate"] };
  const { api_key } = await expectStatus(admin.call("POST", "/api/v1/auth/api-keys", body), 201);
  const asAdmin = { "x-user-id": admin.id };
  for (const isClaimed of [true, false]) {
    const authorize = withKey(api_key, "POST", "/api/v1/providers/demo/authorize", {}, asAdmin);
    const end = await consent(stack, (await expectStatus(authorize, 200)).login_url, null);
    const claim = { connect_code: end.searchParams.get("connect_code") };
    expect(claim.connect_code).toMatch(/^hsk_/);
    if (isClaimed) await expectStatus(withKey(api_key, "POST", "/api/v1/oauth/complete", claim, asAdmin), 201);
  }
});

test("what is stored as given, replaced, disconnected, or still waits for Vault", async () => {
  const soon = Math.floor(Date.now() / 1000) + 3600;
  const store = (name: string) => {
    const token_data = { access_token: `ya29.${name}-token`, refresh_token: `1//${name}-refresh`, expires_at: soon };
    return admin.call("POST", "/api/v1/tokens", { provider: "gcp", account: "stored", token_data });
  };
  const { id } = await expectStatus(store("first-of-all"), 201);
  await expectStatus(store("second-of-all"), 201);
  await expectStatus(admin.call("DELETE", `/api/v1/connections/${id}`), 204);
  await expectStatus(store("third-of-all"), 201);

  await steer(stack.endpoints().postgres, "/_faults", { kind: "status", status: 503, seconds: 600 });
  await expect(login(stack, admin.email, admin.password)).rejects.toThrow("database_unavailable");
  await steer(stack.endpoints().postgres, "/_reset", {});
  await steer(stack.endpoints().vault, "/_faults", { kind: "status", status: 503, endpoint: "api", seconds: 600 });
  expect(await expectStatus(store("never-stored"), 503)).toMatchObject({ code: "vault_unavailable" });
  await steer(stack.endpoints().vault, "/_reset", {});
});

test("none of it is in a dump of Postgres, in a file of Postgres, KV or an object, in a log or on the console", async () => {
  const [connection] = (await admin.call("GET", "/api/v1/connections")).body.connections;
  const report = await findLeaks(stack, [admin.id, connection.id]);
  expect(report.leaks).toEqual([]);
  expect(report.secrets).toBeGreaterThan(150);
  const places = report.known.join("\n");
  for (const place of ["a dump of Postgres", "postgres/", "worker/v3/do/", "worker/v3/kv/"])
    expect(places).toContain(place);
});
