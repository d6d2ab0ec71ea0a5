import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { PERMISSIONS, type Permission } from "../../src/domain/permissions.ts";
import {
  bearer,
  connectGrafana,
  cookie,
  type Key,
  newAddress,
  newColleague,
  newKey,
  newPerson,
  ORIGIN,
  type Person,
  type Reply,
  send,
} from "../support/worker-client.ts";
import { newDelivery, newWebhook } from "../support/worker-webhooks.ts";

/** Every route anyone may call. A route that is not here refuses whoever is not proven. */
const PUBLIC = new Set([
  "POST /api/auth/register",
  "POST /api/auth/login",
  "POST /api/v1/auth/token",
  "GET /connect/{ticket}",
  "GET /api/v1/oauth/{provider}/callback",
  "GET /gcp/callback",
  "GET /bitbucket/callback",
  "GET /ovh_api/ovh/oauth2/callback",
  "GET /slack/callback",
  "GET /slack/callback",
  "GET /ovh_api/ovh/oauth2/callback",
  "GET /bitbucket/callback",
  "GET /signin",
  "POST /signin",
  "GET /connected",
  "GET /health/liveness",
  "GET /health/readiness",
  "GET /openapi.json",
  "GET /docs",
]);

/** Bodies that are well formed, for routes that look at the id only after the body. */
const WELL_FORMED: Readonly<Record<string, unknown>> = {
  "POST /api/v1/connections/{id}/rollback": { version: 1 },
  "POST /workspaces/{id}/aws/role": { roleArn: "arn:aws:iam::222233334444:role/Aurora" },
  "POST /workspaces/{id}/aws/accounts/bulk": { accounts: [{ accountId: "222233334444", roleArn: "x" }] },
};

const HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-xss-protection": "1; mode=block",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** What an error must never show: where the code is, how the database is asked, where secrets live. */
const LEAK =
  /\n\s*at |\.[jt]s:\d|node_modules|\bselect\b.+\bfrom\b|insert into|vault:kv|\/data\/|neon|sqlstate|127\.0\.0/i;

interface Operation {
  readonly "x-access": "open" | "any" | "session" | Permission;
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> };
}

interface Schema {
  readonly $ref?: string;
  readonly additionalProperties?: unknown;
}

interface Route {
  readonly name: string;
  readonly method: string;
  /** As OpenAPI writes it: `/api/v1/users/{id}`. */
  readonly path: string;
  readonly operation: Operation | undefined;
}

const app = createApp();
const document = JSON.parse(
  JSON.stringify(app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "Aurora Edge", version: "0" } })),
) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};
const ROUTES = listRoutes();
const CLOSED = ROUTES.filter(({ name }) => !PUBLIC.has(name));

function listRoutes(): readonly Route[] {
  const routes = app.routes.filter(({ method }) => method !== "ALL");
  const names = new Set(routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)(?:\{[^}]*\})?/g, "{$1}")}`));
  return [...names].map((name) => {
    const [method = "", path = ""] = name.split(" ");
    return { name, method, path, operation: document.paths[path]?.[method.toLowerCase()] };
  });
}

/** @param ids What stands in for each parameter; anything else is made up. */
function fill(path: string, ids: Readonly<Record<string, string>> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? (name === "provider" ? "grafana" : "made-up"));
}

function expectOurHeaders({ headers }: Reply): void {
  for (const [name, value] of Object.entries(HEADERS)) expect(headers.get(name), name).toBe(value);
  expect(headers.get("content-security-policy")).toMatch(/default-src 'none'/);
  expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
}

function expectRefusal(reply: Reply, status: number, code: string): void {
  expect({ status: reply.status, body: reply.body }).toMatchObject({ status, body: { code } });
  expectOurHeaders(reply);
  const { error, request_id, details = [] } = reply.body;
  expect(error).toMatch(/^[A-Z`][^\n]{5,200}[.;]?/);
  expect(request_id).toBe(reply.headers.get("x-request-id"));
  expect(Object.keys(reply.body).filter((key) => !["error", "code", "request_id", "details"].includes(key))).toEqual(
    [],
  );
  for (const detail of details) expect(Object.keys(detail).sort()).toEqual(["message", "path"]);
  expect(reply.text).not.toMatch(LEAK);
}

describe("the list of routes", () => {
  test("holds them all: none is registered for every method, where it would escape this file", () => {
    expect(ROUTES.length).toBeGreaterThan(40);
    expect(app.routes.filter(({ method, path }) => method === "ALL" && path !== "/*")).toEqual([]);
  });

  test.each(ROUTES)("$name is described, with who may call it", ({ operation }) => {
    expect(operation?.["x-access"]).toBeOneOf(["open", "any", "session", ...PERMISSIONS]);
  });

  test("is public exactly where this file says so", () => {
    const open = ROUTES.filter(({ operation }) => operation?.["x-access"] === "open").map(({ name }) => name);
    expect(open.sort()).toEqual([...PUBLIC].sort());
  });

  test("is what /openapi.json says, which holds OpenAPI's own fields and x-… only", async () => {
    const { status, body } = await send("GET", "/openapi.json");
    expect(status).toBe(200);
    expect(body.paths).toEqual(document.paths);
    const known = /^(summary|description|tags|parameters|requestBody|responses|security|operationId|deprecated|x-.+)$/;
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    expect(operations.flatMap((operation) => Object.keys(operation)).filter((key) => !known.test(key))).toEqual([]);
  });
});

describe("nobody proven is refused by", () => {
  test.each(CLOSED)("$name", async (route) => {
    const address = newAddress();
    const call = ({ method, path }: Route, headers: Record<string, string> = {}) =>
      send(method, fill(path), { headers, address });
    const unknownKey = `aurora_${"A".repeat(43)}`;
    const forged = `${btoa('{"alg":"none"}')}.${btoa('{"sub":"root"}')}.`;
    expectRefusal(await call(route), 401, "unauthenticated");
    expectRefusal(await call(route, bearer("nonsense")), 401, "unauthenticated");
    expectRefusal(await call(route, bearer(forged)), 401, "unauthenticated");
    expectRefusal(await call(route, cookie("nonsense")), 401, "unauthenticated");
    expectRefusal(await call(route, { "x-api-key": unknownKey }), 401, "unauthenticated");
    expectRefusal(await call(route, { "x-user-id": `usr_${"0".repeat(32)}` }), 401, "unauthenticated");
  });
});

describe("whoever lacks the permission is refused by", () => {
  const keys = new Map<string, Key>();
  let viewer: Person;

  beforeAll(async () => {
    const admin = await newPerson();
    viewer = await newColleague(admin, "viewer");
    const forKeys = PERMISSIONS.filter((permission) => !["users:manage", "users:impersonate"].includes(permission));
    for (const lacking of forKeys) {
      const key = await newKey(
        admin,
        forKeys.filter((permission) => permission !== lacking),
      );
      keys.set(lacking, key);
    }
    keys.set("users:manage", await newKey(admin, forKeys));
    keys.set("session", await newKey(admin, forKeys));
  });

  test.each(CLOSED.filter(({ operation }) => operation?.["x-access"] !== "any"))("$name", async (route) => {
    const { method, path, operation } = route;
    const access = operation?.["x-access"] ?? "open";
    const address = newAddress();
    const headers = { "x-api-key": keys.get(access)?.secret ?? "" };
    expectRefusal(await send(method, fill(path), { headers, address }), 403, "forbidden");
    if (access === "session" || access === "connections:read") return;
    expectRefusal(await send(method, fill(path), { headers: bearer(viewer.token), address }), 403, "forbidden");
  });
});

describe("an id of another workspace looks absent to", () => {
  let admin: Person;
  /** By the part of the path before the id. */
  let foreign: Readonly<Record<string, string>>;

  beforeAll(async () => {
    admin = await newPerson();
    const stranger = await newPerson();
    const sessions = await stranger.call("GET", "/api/auth/sessions");
    const connection = (await connectGrafana(stranger, { shared: true })).body.id;
    const webhook = await newWebhook(stranger);
    foreign = {
      connections: connection,
      status: connection,
      proxy: connection,
      users: stranger.id,
      sessions: sessions.body.sessions[0].id,
      "api-keys": (await newKey(stranger)).id,
      tokens: (await stranger.call("POST", "/api/kubectl/tokens", { cluster_name: "theirs" })).body.id,
      workspaces: stranger.workspaceId,
      webhooks: webhook,
      deliveries: await newDelivery(stranger, webhook),
    };
  });

  const withId = CLOSED.filter(({ path }) => /\{(?:id|connection_id)\}/.test(path));
  test.each(withId)("$name", async ({ name, method, path }) => {
    const kind = path.split("/").at(path.split("/").findIndex((part) => /^\{(?:connection_)?id\}$/.test(part)) - 1);
    const theirs = foreign[kind ?? ""] ?? foreign["connections"] ?? "";
    const absent = theirs.replace(/[0-9a-f]{32}$/, "0".repeat(32));
    const call = (id: string) =>
      send(method, fill(path, { id, connection_id: id }), {
        headers: bearer(admin.token),
        ...(method !== "GET" && { body: WELL_FORMED[name] ?? {} }),
      });
    const [found, missing] = [await call(theirs), await call(absent)];
    expectRefusal(found, 404, "not_found");
    expectRefusal(missing, 404, "not_found");
    expect(found.body.error).toBe(missing.body.error);
    expectRefusal(await call("..%2f..%2fusers"), 404, "not_found");
  });
});

describe("a body that is no well-formed JSON object is refused by", () => {
  const callers = new Map<string, readonly Record<string, string>[]>();
  const withBody = ROUTES.filter(({ operation }) => operation?.requestBody?.content?.["application/json"]);
  const schemaOf = ({ operation }: Route): Schema => {
    const schema = operation?.requestBody?.content?.["application/json"]?.schema ?? {};
    return schema.$ref ? (document.components.schemas[schema.$ref.split("/").at(-1) ?? ""] ?? {}) : schema;
  };

  beforeAll(async () => {
    const maker = await newPerson();
    const admin = await newPerson();
    await Promise.all(
      withBody.map(async ({ name, operation }) => {
        const access = operation?.["x-access"];
        if (access === "open") return callers.set(name, [{}]);
        if (access === "session" || access === "users:manage") return callers.set(name, [bearer(admin.token)]);
        // Two keys each: some routes allow five calls a minute.
        const keys = [await newKey(maker, ["connections:write", "tokens:read", "audit:read"])];
        keys.push(await newKey(maker, ["connections:write", "tokens:read", "audit:read"]));
        return callers.set(
          name,
          keys.map(({ secret }) => ({ "x-api-key": secret })),
        );
      }),
    );
  });

  const json = "application/json";
  const WRONG: readonly (readonly [string | null, BodyInit])[] = [
    [json, '{"email":'],
    [json, "[]"],
    [json, "null"],
    [json, new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ["text/plain", "{}"],
    ["application/json; charset=utf-16", "{}"],
    [null, new TextEncoder().encode("{}")],
  ];

  test.each(withBody)("$name", async ({ name, method, path }) => {
    const principals = callers.get(name) ?? [];
    for (const [index, [type, raw]] of WRONG.entries()) {
      const headers = { ...principals[index % principals.length], ...(type !== null && { "content-type": type }) };
      expectRefusal(await send(method, fill(path), { headers, raw }), 400, "invalid_request");
    }
  });

  test.each(withBody.filter((route) => schemaOf(route).additionalProperties === false))(
    "$name, as a field nobody knows is",
    async ({ name, method, path }) => {
      const body = JSON.parse('{"surprise": 1, "__proto__": {"role": "admin"}}');
      const reply = await send(method, fill(path), { headers: callers.get(name)?.[0] ?? {}, body });
      expectRefusal(reply, 400, "invalid_request");
      expect(JSON.stringify(reply.body.details)).toMatch(/surprise/);
    },
  );

  test("the routes of auth and users know no other fields than those described", () => {
    const lax = withBody.filter(({ path }) => /^\/api\/(?:auth|v1\/(?:auth|users)|kubectl)/.test(path));
    expect(lax.length).toBeGreaterThan(6);
    expect(lax.filter((route) => schemaOf(route).additionalProperties !== false)).toEqual([]);
  });
});

describe("our headers are on", () => {
  test.each(ROUTES.filter(({ name }) => PUBLIC.has(name)))("$name", async ({ method, path }) => {
    expectOurHeaders(await send(method, fill(path)));
  });

  test.each([
    ["GET", "/"],
    ["GET", "/api/v1/nothing"],
    ["PUT", "/api/auth/me"],
    ["GET", "/.env"],
    ["GET", "/api/v1/connections/%00"],
    ["PATCH", "/api/auth/me"],
  ])("%s %s, which is not there", async (method, path) => {
    const reply = await send(method, path);
    expectOurHeaders(reply);
    expect([401, 404]).toContain(reply.status);
  });

  test("an answer to HEAD", async () => {
    const reply = await send("HEAD", "/health/liveness");
    expectOurHeaders(reply);
    expect([reply.status, reply.text]).toEqual([200, ""]);
  });

  test("a preflight, of our pages and of others", async () => {
    for (const origin of [ORIGIN, "https://evil.example"]) {
      const headers = { origin, "access-control-request-method": "POST" };
      expectOurHeaders(await send("OPTIONS", "/api/auth/login", { headers }));
    }
  });

  test("a body that is too big, and a limit that is met", async () => {
    expectRefusal(
      await send("POST", "/api/auth/login", { body: { email: "x".repeat(70_000) } }),
      413,
      "payload_too_large",
    );
    const address = newAddress();
    const register = () => send("POST", "/api/auth/register", { body: {}, address });
    let reply = await register();
    for (let call = 0; call < 5; call += 1) reply = await register();
    expectRefusal(reply, 429, "rate_limited");
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("and the request id is ours, whatever the caller sends", async () => {
    const mine = "req_00000000000000000000000000000000";
    const { headers } = await send("GET", "/health/liveness", { headers: { "x-request-id": mine } });
    expect(headers.get("x-request-id")).not.toBe(mine);
  });
});
