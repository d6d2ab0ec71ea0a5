import { beforeEach, expect, test } from "vitest";
import { UNAUTHENTICATED_CHAIN } from "../../src/domain/audit-event.ts";
import { bearer, createIdentityApp, send } from "../support/identity-app.ts";
import { createIdentityWorld, type IdentityWorld, signUp } from "../support/identity-world.ts";

let world: IdentityWorld;
let app: ReturnType<typeof createIdentityApp>;
let admin: Awaited<ReturnType<typeof signUp>>;
beforeEach(async () => {
  world = createIdentityWorld();
  app = createIdentityApp(world);
  admin = await signUp(world, "admin@example.com");
});

const forbidden = () => world.deps.audit.entries.filter(({ action }) => action === "auth.forbidden");

test("what a service forbids is counted, by caller and reason", async () => {
  const body = { service_name: "s", permissions: ["users:manage"] };
  const answer = await send(app, "POST", "/api/v1/auth/api-keys", { ...bearer(admin.token), body });
  expect(answer).toMatchObject({ status: 403, body: { code: "forbidden" } });
  expect(forbidden()).toMatchObject([
    {
      chain: admin.principal.workspaceId,
      key: `auth.forbidden:not_allowed:>${admin.id}`,
      outcome: "failure",
      actor: { type: "user", id: admin.id },
      resource: { type: "route", id: "POST /api/v1/auth/api-keys" },
      detail: { reason: "not_allowed" },
    },
  ]);
});

test("what the guard of a route forbids is counted once", async () => {
  const key = await send(app, "POST", "/api/v1/auth/api-keys", { ...bearer(admin.token), body: { service_name: "s" } });
  await send(app, "GET", "/api/v1/users", { headers: { "x-api-key": key.body.api_key } });
  expect(forbidden()).toMatchObject([{ detail: { reason: "missing_permission" } }]);
});

test("another refusal, and no refusal, is not", async () => {
  expect((await send(app, "GET", "/api/v1/users", bearer(admin.token))).status).toBe(200);
  expect((await send(app, "DELETE", `/api/v1/users/${admin.id}`, bearer(admin.token))).status).toBe(409);
  expect(forbidden()).toEqual([]);
});

test("a page that is not ours is counted as nobody, by the address, and its cookie is told nobody", async () => {
  const headers = {
    cookie: `access_token=${admin.token}`,
    origin: "https://evil.example",
    "cf-connecting-ip": "192.0.2.1",
  };
  expect((await send(app, "POST", "/api/auth/logout", { headers })).status).toBe(403);
  expect(forbidden()).toMatchObject([
    {
      chain: UNAUTHENTICATED_CHAIN,
      key: "auth.forbidden:foreign_page:192.0.2.1",
      actor: { type: "anonymous", id: null },
      detail: { reason: "foreign_page" },
    },
  ]);
  expect(JSON.stringify(forbidden())).not.toContain(admin.token);
});
