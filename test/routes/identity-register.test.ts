import { beforeEach, describe, expect, test } from "vitest";
import { createIdentityApp, send } from "../support/identity-app.ts";
import { actionsOf, createIdentityWorld, type IdentityWorld, PASSWORD } from "../support/identity-world.ts";

const EMAIL = "ada@example.com";
const REGISTER = "/api/auth/register";

let world: IdentityWorld;
let app: ReturnType<typeof createIdentityApp>;
beforeEach(() => {
  world = createIdentityWorld();
  app = createIdentityApp(world);
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  send(app, "POST", path, { body, headers });

describe("registering", () => {
  test("makes an admin of a workspace of their own, who is not signed in by it", async () => {
    const answer = await post(REGISTER, { email: "Ada@Example.com", password: PASSWORD, name: "Ada" });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^usr_/),
      email: EMAIL,
      name: "Ada",
      role: "admin",
      workspace_id: expect.stringMatching(/^wsp_/),
    });
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(actionsOf(world)).toEqual(["user.registered"]);
  });

  test("a taken email is a conflict, in whatever case, after the same work", async () => {
    await post(REGISTER, { email: EMAIL, password: PASSWORD });
    expect(await post(REGISTER, { email: EMAIL.toUpperCase(), password: PASSWORD })).toMatchObject({
      status: 409,
      body: { code: "conflict" },
    });
  });

  test("only the first person, or nobody, may while registration is restricted", async () => {
    const first = createIdentityApp(createIdentityWorld({ registration: "first" }));
    const body = { email: EMAIL, password: PASSWORD };
    expect((await send(first, "POST", REGISTER, { body })).status).toBe(201);
    const refused = { status: 403, body: { code: "registration_closed" } };
    expect(await send(first, "POST", REGISTER, { body: { ...body, email: "b@example.com" } })).toMatchObject(refused);
    const closed = createIdentityApp(createIdentityWorld({ registration: "closed" }));
    expect(await send(closed, "POST", REGISTER, { body })).toMatchObject(refused);
  });

  test.each([
    [{}],
    [{ email: EMAIL }],
    [{ password: PASSWORD }],
    [{ email: "ada", password: PASSWORD }],
    [{ email: EMAIL, password: "1234567" }],
    [{ email: EMAIL, password: "a".repeat(73) }],
    [{ email: EMAIL, password: 12345678 }],
    [{ email: EMAIL, password: PASSWORD, role: "admin" }],
    [{ email: EMAIL, password: PASSWORD, id: "usr_1" }],
    [{ email: EMAIL, password: PASSWORD, workspace_id: "wsp_1" }],
    [{ email: EMAIL, password: PASSWORD, is_admin: true }],
    [{ email: EMAIL, password: PASSWORD, constructor: {} }],
    [{ email: EMAIL, password: PASSWORD, name: "a\nb" }],
    [{ email: EMAIL, password: PASSWORD, name: "a".repeat(101) }],
    [{ email: [EMAIL], password: PASSWORD }],
    [[]],
    [null],
    ["text"],
  ])("%j is a bad request", async (body) => {
    expect(await post(REGISTER, body)).toMatchObject({ status: 400, body: { code: "invalid_request" } });
    expect(world.deps.userRows.size).toBe(0);
  });

  test.each(["{", '{"email": "a', "\ufeff{}x", '{"__proto__": {"role": "admin"}}'])(
    "the text %j is a bad request",
    async (body) => {
      const headers = { "content-type": "application/json" };
      expect((await app.request(REGISTER, { method: "POST", headers, body })).status).toBe(400);
    },
  );

  test("a sixth try in a minute from one address is too many", async () => {
    world.deps.limiter.take = async (name) => ({
      allowed: name !== "register_address",
      limit: 5,
      remaining: 0,
      resetSeconds: 42,
      degraded: false,
    });
    const answer = await post(REGISTER, { email: EMAIL, password: PASSWORD });
    expect(answer).toMatchObject({ status: 429, body: { code: "rate_limited" } });
    expect(answer.headers.get("retry-after")).toBe("42");
  });
});
