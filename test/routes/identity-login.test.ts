import { beforeEach, describe, expect, test } from "vitest";
import { UNAUTHENTICATED_CHAIN } from "../../src/domain/audit-event.ts";
import { bearer, createIdentityApp, send } from "../support/identity-app.ts";
import {
  actionsOf,
  addColleague,
  createIdentityWorld,
  type IdentityWorld,
  PASSWORD,
  prove,
  signIn,
  signUp,
} from "../support/identity-world.ts";

const EMAIL = "ada@example.com";
const LOGIN = "/api/auth/login";
const COOKIE_ATTRIBUTES = ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"];

let world: IdentityWorld;
let app: ReturnType<typeof createIdentityApp>;
beforeEach(() => {
  world = createIdentityWorld();
  app = createIdentityApp(world);
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  send(app, "POST", path, { body, headers });

/** The attributes of the one cookie set, sorted, without its value. */
function attributesOf(headers: Headers): readonly string[] {
  const [value = "", ...attributes] = headers.getSetCookie()[0]?.split("; ") ?? [];
  expect(value).toMatch(/^access_token=/);
  return attributes.toSorted();
}

describe("logging in", () => {
  beforeEach(() => signUp(world, EMAIL));

  test("answers who it is and a session, also as a cookie", async () => {
    const answer = await post(LOGIN, { email: "ADA@example.com", password: PASSWORD });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ email: EMAIL, role: "admin", token_type: "bearer", expires_in: 86_400 });
    expect(attributesOf(answer.headers)).toEqual([
      ...COOKIE_ATTRIBUTES.slice(0, 1),
      "Max-Age=86400",
      ...COOKIE_ATTRIBUTES.slice(1),
    ]);
    expect(answer.headers.getSetCookie()[0]).toContain(`access_token=${answer.body.access_token};`);
    expect((await send(app, "GET", "/api/auth/me", bearer(answer.body.access_token))).body.email).toBe(EMAIL);
  });

  test("by username answers the token alone, for the life that was set", async () => {
    world = createIdentityWorld({ jwtExpiryHours: 2 });
    app = createIdentityApp(world);
    await signUp(world, EMAIL);
    const answer = await post("/api/v1/auth/token", { username: EMAIL.toUpperCase(), password: PASSWORD });
    expect(Object.keys(answer.body).toSorted()).toEqual(["access_token", "expires_in", "token_type"]);
    expect(answer.body.expires_in).toBe(7200);
    expect(attributesOf(answer.headers)).toContain("Max-Age=7200");
  });

  test("an unknown email, a wrong password and a person without one are answered alike, after one comparison each", async () => {
    const { principal } = await signIn(world, EMAIL);
    const passwordless = { email: "none@example.com", role: "viewer", name: null, password: null } as const;
    const id = await addColleague(world, principal, "viewer", "gone@example.com");
    await world.deps.users.change({ userId: principal.id, workspaceId: principal.workspaceId }, id, {
      isActive: false,
    });
    await post("/api/v1/users", passwordless, bearer((await signIn(world, EMAIL)).token).headers);
    const answers = [];
    for (const email of ["nobody@example.com", EMAIL, "none@example.com", "gone@example.com"]) {
      const before = world.deps.passwords.compared.length;
      const password = email === EMAIL ? "wrong password" : PASSWORD;
      const { status, body } = await post(LOGIN, { email, password });
      answers.push({ status, body });
      expect(world.deps.passwords.compared).toHaveLength(before + 1);
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ status: 401, body: { code: "invalid_credentials" } });
  });

  test("a failure is audited where it belongs, and an unknown email is nowhere in it", async () => {
    const { principal } = await signIn(world, EMAIL);
    await post(LOGIN, { email: EMAIL, password: "wrong password" });
    await post(LOGIN, { email: "nobody@example.com", password: "wrong password" });
    const [known, unknown] = world.deps.audit.entries.filter(({ action }) => action === "user.login_failed");
    expect(known).toMatchObject({ chain: principal.workspaceId, resource: { id: principal.id }, outcome: "failure" });
    expect(unknown).toMatchObject({ chain: UNAUTHENTICATED_CHAIN, resource: null });
    expect(JSON.stringify(world.deps.audit.entries)).not.toContain("nobody");
  });

  test("tries count for the account whatever its spelling and for the address, on both paths together", async () => {
    const headers = { "cf-connecting-ip": "2001:db8::1" };
    await post(LOGIN, { email: EMAIL, password: "wrong password" }, headers);
    await post("/api/v1/auth/token", { username: "ADA@EXAMPLE.COM", password: "wrong password" }, headers);
    const taken = world.deps.limiter.taken.filter((entry) => entry.startsWith("login_"));
    expect(taken[0]).toBe(taken[2]);
    expect(taken[1]).toBe(taken[3]);
    expect(taken.join()).not.toContain("example.com");
  });

  test("with another person's cookie makes a session of its own", async () => {
    const before = new Set(world.deps.sessionRows.keys());
    const { token } = await signUp(world, "attacker@example.com");
    const headers = { cookie: `access_token=${token}`, origin: "https://aurora.example" };
    const answer = await post(LOGIN, { email: EMAIL, password: PASSWORD }, headers);
    const { credential, email } = await prove(world, { bearer: answer.body.access_token });
    expect(email).toBe(EMAIL);
    expect(credential.kind === "session" && before.has(credential.sessionId)).toBe(false);
    expect((await prove(world, { bearer: token })).email).toBe("attacker@example.com");
  });

  test("what a browser says of itself is stored without control characters", async () => {
    await post(LOGIN, { email: EMAIL, password: PASSWORD }, { "user-agent": `x${"y".repeat(300)}\u0085` });
    const row = [...world.deps.sessionRows.values()].at(-1);
    expect(row?.userAgent).toBe(`x${"y".repeat(255)}`);
  });

  test.each([
    [{ email: EMAIL }],
    [{ email: EMAIL, password: null }],
    [{ email: EMAIL, password: PASSWORD, remember: true }],
    [{ username: EMAIL, password: PASSWORD }],
    [{ email: { $ne: "" }, password: PASSWORD }],
  ])("%j is a bad request", async (body) => {
    expect((await post(LOGIN, body)).status).toBe(400);
  });

  test("a password no account can have is wrong, not an error", async () => {
    for (const password of ["", "a".repeat(73)]) {
      expect((await post(LOGIN, { email: EMAIL, password })).status).toBe(401);
    }
    for (const password of ["\ud800\ud800\ud800\ud800", "pass\0word"]) {
      expect((await post(LOGIN, { email: EMAIL, password })).status).toBe(400);
    }
  });

  test("ends with a logout, which clears the cookie with the attributes it was set with", async () => {
    const { token } = await signIn(world, EMAIL);
    const answer = await post("/api/auth/logout", undefined, bearer(token).headers);
    expect(answer.status).toBe(204);
    expect(attributesOf(answer.headers)).toEqual([
      ...COOKIE_ATTRIBUTES.slice(0, 1),
      "Max-Age=0",
      ...COOKIE_ATTRIBUTES.slice(1),
    ]);
    expect((await send(app, "GET", "/api/auth/me", bearer(token))).status).toBe(401);
    expect((await post("/api/auth/logout", undefined, bearer(token).headers)).status).toBe(401);
    expect(actionsOf(world)).toContain("user.logout");
  });

  test("ends the cookie's session as well, where the bearer token is of another of the same person", async () => {
    const [one, other] = [await signIn(world, EMAIL), await signIn(world, EMAIL)];
    const headers = {
      ...bearer(one.token).headers,
      cookie: `access_token=${other.token}`,
      "sec-fetch-site": "same-origin",
    };
    expect((await post("/api/auth/logout", undefined, headers)).status).toBe(204);
    for (const { token } of [one, other]) {
      expect((await send(app, "GET", "/api/auth/me", bearer(token))).status).toBe(401);
    }
  });

  test("is not ended by a logout with fields that mean nothing", async () => {
    const { token } = await signIn(world, EMAIL);
    expect((await post("/api/auth/logout", { everywhere: true }, bearer(token).headers)).status).toBe(400);
    expect((await send(app, "GET", "/api/auth/me", bearer(token))).status).toBe(200);
  });
});
