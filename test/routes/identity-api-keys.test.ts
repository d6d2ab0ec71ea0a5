import { beforeEach, describe, expect, test } from "vitest";
import { bearer, createIdentityApp, send } from "../support/identity-app.ts";
import { actionsOf, createIdentityWorld, type IdentityWorld, signIn, signUp } from "../support/identity-world.ts";

const KEYS = "/api/v1/auth/api-keys";

let world: IdentityWorld;
let app: ReturnType<typeof createIdentityApp>;
let admin: Awaited<ReturnType<typeof signUp>>;
beforeEach(async () => {
  world = createIdentityWorld();
  app = createIdentityApp(world);
  admin = await signUp(world, "admin@example.com");
});

const call = (method: string, path: string, body?: unknown, token = admin.token) =>
  send(app, method, path, { body, ...bearer(token) });

describe("API keys", () => {
  const make = (body: object = {}) => call("POST", KEYS, { service_name: "ci", ...body });
  const useKey = (key: string) => send(app, "GET", "/api/auth/me", { headers: { "x-api-key": key } });

  test("are shown once and stored as a hash", async () => {
    const { status, body } = await make();
    expect(status).toBe(201);
    expect(body).toMatchObject({
      id: expect.stringMatching(/^key_/),
      api_key: expect.stringMatching(/^aurora_[\w-]{43}$/),
      service_name: "ci",
      key_prefix: expect.stringMatching(/^ak_[0-9a-f]{12}$/),
      permissions: ["connections:read", "tokens:read"],
      expires_at: null,
    });
    const list = await call("GET", KEYS);
    expect(list.body.api_keys[0]).toMatchObject({ id: body.id, last_used_at: null });
    const rest = JSON.stringify([list.body, [...world.deps.keyRows.values()], world.deps.audit.entries]);
    expect(rest).not.toContain(body.api_key);
    expect(JSON.stringify(list.body)).not.toContain(await world.deps.sha256(body.api_key));
    expect((await useKey(body.api_key)).body).toMatchObject({ id: body.id, email: null, role: "api_service" });
  });

  test.each([
    [{ service_name: "" }],
    [{ service_name: "a\u0000" }],
    [{ service_name: undefined }],
    [{ expires_in_days: 0 }],
    [{ expires_in_days: 366 }],
    [{ expires_in_days: 1.5 }],
    [{ expires_in_days: "30" }],
    [{ permissions: [] }],
    [{ permissions: ["root"] }],
    [{ permissions: "tokens:read" }],
    [{ api_key: "aurora_mine" }],
  ])("%j is a bad request", async (body) => {
    expect((await make(body)).status).toBe(400);
  });

  test("never manage users, and act for users by an admin's leave", async () => {
    expect(await make({ permissions: ["users:manage"] })).toMatchObject({ status: 403, body: { code: "forbidden" } });
    expect((await make({ permissions: ["users:impersonate", "metrics:read"] })).status).toBe(201);
  });

  test("end on the day they were made for", async () => {
    const { body } = await make({ expires_in_days: 1 });
    expect(body.expires_at).toBe("2027-01-16T08:00:00Z");
    world.clock.seconds += 86_399;
    expect((await useKey(body.api_key)).status).toBe(200);
    world.clock.seconds += 6;
    expect((await useKey(body.api_key)).status).toBe(401);
  });

  test("are not made, listed, rotated or revoked by a key, not even one that acts for an admin", async () => {
    const { body } = await make({ permissions: ["users:impersonate", "tokens:read"] });
    const headers = { "x-api-key": body.api_key, "x-user-id": admin.id };
    for (const [method, path] of [
      ["POST", KEYS],
      ["GET", KEYS],
      ["DELETE", `${KEYS}/${body.id}`],
      ["POST", `${KEYS}/${body.id}/rotate`],
    ] as const) {
      expect((await send(app, method, path, { headers })).status).toBe(403);
    }
  });

  test("are revoked at once; another workspace's and an absent one are not there", async () => {
    const { body } = await make();
    const other = await signUp(world, "other@example.com");
    await useKey(body.api_key);
    for (const token of [other.token]) {
      expect((await call("DELETE", `${KEYS}/${body.id}`, undefined, token)).status).toBe(404);
      expect((await call("POST", `${KEYS}/${body.id}/rotate`, {}, token)).status).toBe(404);
    }
    expect((await call("DELETE", `${KEYS}/x`)).status).toBe(404);
    expect((await call("DELETE", `${KEYS}/${body.id}`)).status).toBe(204);
    expect((await useKey(body.api_key)).status).toBe(401);
    expect((await call("DELETE", `${KEYS}/${body.id}`)).status).toBe(404);
    expect((await call("POST", `${KEYS}/${body.id}/rotate`)).status).toBe(404);
    expect((await call("GET", KEYS)).body.api_keys).toEqual([]);
  });

  test("are rotated at once without grace, with the same service, permissions and length of life", async () => {
    const { body: old } = await make({ permissions: ["audit:read"], expires_in_days: 10 });
    world.clock.seconds += 86_400;
    const again = await signIn(world, "admin@example.com");
    const { status, body } = await call("POST", `${KEYS}/${old.id}/rotate`, undefined, again.token);
    expect(status).toBe(201);
    expect(body).toMatchObject({ service_name: "ci", permissions: ["audit:read"], expires_at: "2027-01-26T08:00:00Z" });
    expect([body.id === old.id, body.api_key === old.api_key, body.key_prefix === old.key_prefix]).toEqual([
      false,
      false,
      false,
    ]);
    expect((await useKey(old.api_key)).status).toBe(401);
    expect((await useKey(body.api_key)).status).toBe(200);
    expect(actionsOf(world)).toContain("apikey.rotated");
  });

  test("go on as the same principal when they are rotated, again and again, and are listed by their own ids", async () => {
    const { body: first } = await make();
    const { body: second } = await call("POST", `${KEYS}/${first.id}/rotate`, { grace_seconds: 60 });
    const { body: third } = await call("POST", `${KEYS}/${second.id}/rotate`, { grace_seconds: 60 });
    expect([first, second, third].map((key) => key.principal_id)).toEqual([first.id, first.id, first.id]);
    for (const { api_key } of [first, second, third]) expect((await useKey(api_key)).body.id).toBe(first.id);
    const { body } = await call("GET", KEYS);
    expect(body.api_keys.map(({ id }: { id: string }) => id)).toEqual([first.id, second.id, third.id]);
    expect((await call("DELETE", `${KEYS}/${second.id}`)).status).toBe(204);
    expect((await useKey(second.api_key)).status).toBe(401);
    expect((await useKey(third.api_key)).status).toBe(200);
  });

  test("work on until their grace ends, and are rotated once", async () => {
    const { body: old } = await make();
    const { body } = await call("POST", `${KEYS}/${old.id}/rotate`, { grace_seconds: 60 });
    expect((await useKey(old.api_key)).status).toBe(200);
    expect((await call("POST", `${KEYS}/${old.id}/rotate`)).status).toBe(409);
    world.clock.seconds += 60;
    expect((await useKey(old.api_key)).status).toBe(401);
    expect((await useKey(body.api_key)).status).toBe(200);
  });

  test.each([[{ grace_seconds: -1 }], [{ grace_seconds: 604_801 }], [{ grace_seconds: "60" }], [{ grace: 1 }]])(
    "the rotation %j is a bad request",
    async (body) => {
      const { body: key } = await make();
      expect((await call("POST", `${KEYS}/${key.id}/rotate`, body)).status).toBe(400);
    },
  );
});
