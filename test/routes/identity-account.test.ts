import { beforeEach, describe, expect, test } from "vitest";
import { bearer, createIdentityApp, send } from "../support/identity-app.ts";
import {
  actionsOf,
  addKey,
  createIdentityWorld,
  type IdentityWorld,
  PASSWORD,
  signIn,
  signUp,
} from "../support/identity-world.ts";

const EMAIL = "ada@example.com";
const LOGIN = "/api/auth/login";
const CHANGE = "/api/auth/change-password";

let world: IdentityWorld;
let app: ReturnType<typeof createIdentityApp>;
beforeEach(() => {
  world = createIdentityWorld();
  app = createIdentityApp(world);
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  send(app, "POST", path, { body, headers });

describe("one's own sessions", () => {
  test("are listed newest first, the present one marked, nobody else's among them", async () => {
    const first = await signUp(world, EMAIL);
    await signUp(world, "other@example.com");
    const second = await signIn(world, EMAIL);
    const { body } = await send(app, "GET", "/api/auth/sessions", bearer(second.token));
    expect(body.sessions.map(({ current }: { current: boolean }) => current)).toEqual([true, false]);
    expect(body.next).toBeNull();
    expect(body.sessions[0]).toEqual({
      id: expect.stringMatching(/^ses_/),
      created_at: "2027-01-15T08:00:00Z",
      expires_at: "2027-01-16T08:00:00Z",
      ip: "192.0.2.7",
      user_agent: "test",
      current: true,
    });
    const page = await send(app, "GET", "/api/auth/sessions?limit=1", bearer(first.token));
    expect(page.body.next).toBe(page.body.sessions[0].id);
  });

  test.each(["limit=0", "limit=201", "limit=x", "limit=1.5", "after=x", "after=", "after=usr_1"])(
    "%s is a bad request",
    async (query) => {
      const { token } = await signUp(world, EMAIL);
      expect((await send(app, "GET", `/api/auth/sessions?${query}`, bearer(token))).status).toBe(400);
    },
  );

  test("are ended one by one; another person's is not there", async () => {
    const mine = await signUp(world, EMAIL);
    const theirs = await signUp(world, "other@example.com");
    const idOf = ({ principal: { credential } }: typeof mine) =>
      credential.kind === "session" ? credential.sessionId : "";
    const end = (id: string) => send(app, "DELETE", `/api/auth/sessions/${id}`, bearer(mine.token));
    for (const id of [idOf(theirs), "x", `ses_${"0".repeat(32)}`, mine.id]) expect((await end(id)).status).toBe(404);
    expect((await end(idOf(mine))).status).toBe(204);
    expect((await send(app, "GET", "/api/auth/me", bearer(mine.token))).status).toBe(401);
    expect((await send(app, "GET", "/api/auth/me", bearer(theirs.token))).status).toBe(200);
    expect(actionsOf(world)).toContain("session.ended");
  });
});

describe("changing one's password", () => {
  const NEW = "another long one";

  test("lets the new one in, the old one no longer, and ends every other session", async () => {
    const { token } = await signUp(world, EMAIL);
    const other = await signIn(world, EMAIL);
    const body = { currentPassword: PASSWORD, newPassword: NEW };
    const answer = await post(CHANGE, body, bearer(token).headers);
    expect(answer).toMatchObject({ status: 200, body: { message: "Password changed successfully" } });
    expect((await send(app, "GET", "/api/auth/me", bearer(token))).status).toBe(200);
    expect((await send(app, "GET", "/api/auth/me", bearer(other.token))).status).toBe(401);
    expect((await post(LOGIN, { email: EMAIL, password: PASSWORD })).status).toBe(401);
    expect((await post(LOGIN, { email: EMAIL, password: NEW })).status).toBe(200);
    expect(actionsOf(world)).toContain("user.password_changed");
  });

  test.each([
    [400, {}],
    [400, { currentPassword: PASSWORD }],
    [400, { newPassword: NEW }],
    [400, { currentPassword: PASSWORD, newPassword: "1234567" }],
    [400, { currentPassword: PASSWORD, newPassword: "a".repeat(73) }],
    [400, { currentPassword: PASSWORD, newPassword: PASSWORD }],
    [400, { currentPassword: PASSWORD, newPassword: NEW, userId: "usr_1" }],
    [401, { currentPassword: "wrong password", newPassword: NEW }],
    [401, { currentPassword: "a".repeat(100), newPassword: NEW }],
  ])("is answered %i to %j and changes nothing", async (status, body) => {
    const { token } = await signUp(world, EMAIL);
    expect((await post(CHANGE, body, bearer(token).headers)).status).toBe(status);
    expect((await post(LOGIN, { email: EMAIL, password: PASSWORD })).status).toBe(200);
    expect(actionsOf(world).includes("user.password_change_failed")).toBe(status === 401);
  });

  test("by a key that acts for the person ends all their sessions; a key alone has no password", async () => {
    const { token, principal, id } = await signUp(world, EMAIL);
    const { secret } = await addKey(world, principal, ["users:impersonate"]);
    const body = { currentPassword: PASSWORD, newPassword: NEW };
    expect((await post(CHANGE, body, { "x-api-key": secret })).status).toBe(403);
    expect((await post(CHANGE, body, { "x-api-key": secret, "x-user-id": id })).status).toBe(200);
    expect((await send(app, "GET", "/api/auth/me", bearer(token))).status).toBe(401);
  });

  test("of a person who has none is refused like a wrong one", async () => {
    const { token, principal } = await signUp(world, EMAIL);
    const { secret } = await addKey(world, principal, ["users:impersonate"]);
    const draft = { email: "none@example.com", role: "viewer" };
    const { id } = (await post("/api/v1/users", draft, bearer(token).headers)).body;
    const headers = { "x-api-key": secret, "x-user-id": id };
    const answer = await post(CHANGE, { currentPassword: PASSWORD, newPassword: NEW }, headers);
    expect(answer).toMatchObject({ status: 401, body: { code: "invalid_credentials" } });
    expect((await post(CHANGE, { currentPassword: PASSWORD, newPassword: NEW })).status).toBe(401);
  });
});
