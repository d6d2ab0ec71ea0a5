import { beforeEach, describe, expect, test } from "vitest";
import { UNAUTHENTICATED_CHAIN } from "../../src/domain/audit-event.ts";
import { bearer, createIdentityApp, send } from "../support/identity-app.ts";
import {
  addColleague,
  addKey,
  createIdentityWorld,
  type IdentityWorld,
  signIn,
  signUp,
} from "../support/identity-world.ts";

const ME = "/api/auth/me";

let world: IdentityWorld;
let app: ReturnType<typeof createIdentityApp>;
let admin: Awaited<ReturnType<typeof signUp>>;
beforeEach(async () => {
  world = createIdentityWorld();
  app = createIdentityApp(world);
  admin = await signUp(world, "admin@example.com");
});

const ask = (headers: Record<string, string>, path = ME) => send(app, "GET", path, { headers });
const audited = (action: string) => world.deps.audit.entries.filter((entry) => entry.action === action);

describe("what is presented", () => {
  test.each(["Bearer", "bearer", "BEARER"])("the scheme %s is understood", async (scheme) => {
    expect((await ask({ authorization: `${scheme} ${admin.token}` })).status).toBe(200);
  });

  test.each([
    "Basic YTpi",
    "Bearer",
    "Bearer ",
    "Token x",
    "Bearer a b",
    "Bearer a, Bearer b",
    "Bearer aurora_kubectl_1",
    "x",
  ])("the header %j is refused, also beside a good cookie", async (authorization) => {
    expect((await ask({ authorization })).status).toBe(401);
    expect((await ask({ authorization, cookie: `access_token=${admin.token}` })).status).toBe(401);
  });

  test("an empty header and an empty cookie are none", async () => {
    const none = { authorization: "", "x-api-key": "", cookie: "access_token=" };
    expect((await ask({ ...none, authorization: `Bearer ${admin.token}` })).status).toBe(200);
    expect((await ask({ ...none, cookie: `access_token=${admin.token}` })).status).toBe(200);
    expect((await ask(none)).status).toBe(401);
  });

  test("a key in the query, in a cookie or as a bearer token is not a key", async () => {
    const { secret } = await addKey(world, admin.principal, ["tokens:read"]);
    expect((await ask({}, `${ME}?api_key=${secret}&X-API-Key=${secret}`)).status).toBe(401);
    expect((await ask({ cookie: `access_token=${secret}` })).status).toBe(401);
    expect((await ask({ authorization: `Bearer ${secret}` })).status).toBe(401);
    expect((await ask({ "x-api-key": secret })).status).toBe(200);
  });

  test("a session is not a key", async () => {
    expect((await ask({ "x-api-key": admin.token })).status).toBe(401);
  });

  test("two cookies, and a session with a key, are a bad request", async () => {
    const { secret } = await addKey(world, admin.principal, ["tokens:read"]);
    const mine = `access_token=${admin.token}`;
    // In several headers they arrive parted by a comma.
    for (const cookie of [
      `${mine}; ${mine}`,
      `${mine}, ${mine}`,
      `access_token=; ${mine}`,
      `${mine};a=b;access_token=`,
    ]) {
      expect((await ask({ cookie })).body.code).toBe("invalid_request");
    }
    expect((await ask({ ...bearer(admin.token).headers, "x-api-key": secret })).status).toBe(400);
  });

  test.each(["X-Role", "X-Org-ID", "X-Provider", "X-Forwarded-User"])("%s changes nothing", async (name) => {
    const answer = await ask({ ...bearer(admin.token).headers, [name]: "admin" });
    expect(answer.body.id).toBe(admin.id);
    expect((await ask({ [name]: admin.id })).status).toBe(401);
  });

  test("a user id beside a key is whom it acts for, alone it is nobody", async () => {
    const { secret } = await addKey(world, admin.principal, ["tokens:read", "users:impersonate"]);
    const answer = await ask({ "x-api-key": secret, "x-user-id": admin.id });
    expect(answer.body).toMatchObject({ id: admin.id, role: "admin", permissions: ["tokens:read"] });
    expect((await ask({ "x-user-id": admin.id })).status).toBe(401);
  });
});

describe("what a route needs", () => {
  test("a permission the caller lacks is 403, whatever role the token claims", async () => {
    await addColleague(world, admin.principal, "operator", "op@example.com");
    const { token } = await signIn(world, "op@example.com");
    expect(await ask(bearer(token).headers, "/api/v1/users")).toMatchObject({
      status: 403,
      body: { code: "forbidden" },
    });
  });

  test("a session is not a key, nor a key that acts for a user", async () => {
    const { secret } = await addKey(world, admin.principal, ["users:impersonate"]);
    for (const more of [{}, { "x-user-id": admin.id }]) {
      expect((await ask({ "x-api-key": secret, ...more }, "/api/auth/sessions")).status).toBe(403);
    }
  });

  test("a key that acts for an admin manages nobody", async () => {
    const { secret } = await addKey(world, admin.principal, ["users:impersonate", "tokens:read"]);
    const headers = { "x-api-key": secret, "x-user-id": admin.id };
    for (const path of ["/api/v1/users", "/api/v1/auth/api-keys"]) expect((await ask(headers, path)).status).toBe(403);
  });
});

describe("what is counted and audited", () => {
  test("failures of nobody known, by address and reason, without the credential", async () => {
    await ask({ authorization: "Bearer junk", "cf-connecting-ip": "192.0.2.1" });
    const [entry] = audited("auth.failed");
    expect(entry).toMatchObject({
      chain: UNAUTHENTICATED_CHAIN,
      key: "auth.failed:invalid_token:192.0.2.1",
      outcome: "failure",
      actor: { type: "anonymous", id: null },
      resource: { type: "route", id: "GET /api/auth/me" },
      detail: { reason: "invalid_token" },
    });
    expect(JSON.stringify(entry)).not.toContain("junk");
  });

  test("the failure of an ended session in its workspace", async () => {
    await send(app, "POST", "/api/auth/logout", bearer(admin.token));
    await ask(bearer(admin.token).headers);
    expect(audited("auth.failed")[0]).toMatchObject({ chain: admin.principal.workspaceId });
  });

  test("a refusal of a proven caller, by route pattern", async () => {
    const { secret, id } = await addKey(world, admin.principal, ["tokens:read"]);
    await send(app, "DELETE", `/api/v1/users/${admin.id}`, { headers: { "x-api-key": secret } });
    expect(audited("auth.forbidden")[0]).toMatchObject({
      chain: admin.principal.workspaceId,
      actor: { type: "api_key", id },
      resource: { id: "DELETE /api/v1/users/:id" },
      detail: { reason: "missing_permission" },
    });
  });

  test("acting for a user names both", async () => {
    const { secret, id } = await addKey(world, admin.principal, ["users:impersonate"]);
    await ask({ "x-api-key": secret, "x-user-id": admin.id });
    expect(audited("auth.impersonated")[0]).toMatchObject({
      chain: admin.principal.workspaceId,
      actor: { type: "user", id: admin.id, via: id },
      outcome: "success",
    });
  });

  test("an address with too many failures is told to wait, a good credential from it is not", async () => {
    const limiter = world.deps.limiter.take;
    world.deps.limiter.take = async (name, key) => ({
      ...(await limiter(name, key)),
      allowed: name !== "unauthenticated_address",
    });
    expect(await ask({ authorization: "Bearer junk" })).toMatchObject({ status: 429, body: { code: "rate_limited" } });
    expect((await ask(bearer(admin.token).headers)).status).toBe(200);
    expect(audited("auth.failed")).toEqual([]);
  });
});
