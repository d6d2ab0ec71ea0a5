import { beforeAll, describe, expect, test } from "vitest";
import { PERMISSIONS } from "../../src/domain/permissions.ts";
import { app, description, fill, ROUTES, type Route } from "../support/described-routes.ts";
import { expectRefusal } from "../support/refusals.ts";
import {
  bearer,
  connectGrafana,
  cookie,
  type Key,
  newAddress,
  newColleague,
  newKey,
  newPerson,
  type Person,
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

const CLOSED = ROUTES.filter(({ name }) => !PUBLIC.has(name));

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

  test.each(CLOSED)("$name says whether a key opens it, alone or acting for a user", ({ operation }) => {
    const takesKeys = !["session", "users:manage"].includes(operation?.["x-access"] ?? "");
    const withKey = (operation?.security ?? []).filter((credentials) => "apiKey" in credentials);
    expect(withKey).toEqual(takesKeys ? [{ apiKey: [] }, { apiKey: [], actAs: [] }] : []);
  });

  test("is what /openapi.json says, which holds OpenAPI's own fields and x-… only", async () => {
    const { status, body } = await send("GET", "/openapi.json");
    expect(status).toBe(200);
    expect(body.paths).toEqual(description.paths);
    const known = /^(summary|description|tags|parameters|requestBody|responses|security|operationId|deprecated|x-.+)$/;
    const operations = Object.values(description.paths).flatMap((path) => Object.values(path));
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
