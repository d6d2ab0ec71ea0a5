import { beforeAll, describe, expect, test } from "vitest";
import {
  logIn,
  newColleague,
  newEmail,
  newKey,
  newPerson,
  PASSWORD,
  type Person,
  type Reply,
  readAudit,
  requireStatus,
  send,
} from "../support/worker-client.ts";
import { queryAsOwner } from "../support/worker-endpoints.ts";

const NEW_PASSWORD = "a battery, horse and staple";
const ME = "/api/auth/me";
const LOGIN = "/api/auth/login";

const statusOf = async (reply: Promise<Reply>) => (await reply).status;
const logInAs = (email: string, password: string) => send("POST", LOGIN, { body: { email, password } });

describe("a password", () => {
  const register = (password: string) =>
    statusOf(send("POST", "/api/auth/register", { body: { email: newEmail(), password } }));

  test.each([
    ["7 characters", "1234567"],
    ["73 bytes", "x".repeat(73)],
    ["80 bytes in 40 characters", "é".repeat(40)],
    ["half a character", `12345678${"\ud800"}`],
    ["a megabyte less", "x".repeat(60_000)],
  ])("of %s is refused", async (_, password) => {
    expect(await register(password)).toBe(400);
  });

  test("of a megabyte is refused before it is read", async () => {
    expect(await register("x".repeat(1_000_000))).toBe(413);
  });

  test("of 72 bytes counts to its last byte, and one with a NUL is refused", async () => {
    const [email, password] = [newEmail(), `${"x".repeat(71)}a`];
    requireStatus(await send("POST", "/api/auth/register", { body: { email, password } }), 201);
    expect(await statusOf(logInAs(email, password))).toBe(200);
    expect(await statusOf(logInAs(email, `${password.slice(0, -1)}b`))).toBe(401);
    expect(await statusOf(logInAs(email, `${password}a`))).toBe(401);
    const withNul = { email: newEmail(), password: "with\u0000zero" };
    requireStatus(await send("POST", "/api/auth/register", { body: withNul }), 400);
  });

  test("is changed by whoever knows it, which ends every session but theirs", async () => {
    const ada = await newPerson();
    const elsewhere = await logIn(ada.email);
    const change = (currentPassword: unknown, newPassword: unknown) =>
      ada.call("POST", "/api/auth/change-password", { currentPassword, newPassword });
    expect(await change("wrong password", NEW_PASSWORD)).toMatchObject({
      status: 401,
      body: { code: "invalid_credentials" },
    });
    expect(await statusOf(change(PASSWORD, PASSWORD))).toBe(400);
    expect(await statusOf(change(PASSWORD, "short"))).toBe(400);
    const changed = await change(PASSWORD, NEW_PASSWORD);
    expect([changed.status, changed.body.message]).toEqual([200, "Password changed successfully"]);
    expect(await statusOf(elsewhere.call("GET", ME))).toBe(401);
    expect(await statusOf(ada.call("GET", ME))).toBe(200);
    expect(await statusOf(logInAs(ada.email, PASSWORD))).toBe(401);
    expect(await statusOf(logInAs(ada.email, NEW_PASSWORD))).toBe(200);
    expect(await statusOf(change(NEW_PASSWORD, PASSWORD))).toBe(200);
    expect(await statusOf(change("wrong password", NEW_PASSWORD))).toBe(429);
  });
});

describe("the people of a workspace", () => {
  test("lose their sessions, and what their role allowed, the moment their role changes", async () => {
    const admin = await newPerson();
    const bob = await newColleague(admin, "admin");
    expect(await statusOf(bob.call("GET", "/api/v1/users"))).toBe(200);
    const changed = await admin.call("PATCH", `/api/v1/users/${bob.id}`, { role: "viewer" });
    expect(changed).toMatchObject({ status: 200, body: { role: "viewer" } });
    expect(await statusOf(bob.call("GET", "/api/v1/users"))).toBe(401);
    const again = await logIn(bob.email);
    expect(await statusOf(again.call("GET", "/api/v1/users"))).toBe(403);
    expect((await again.call("GET", ME)).body.permissions).toEqual(["connections:read"]);
  });

  test.each<[string, object | null]>([
    ["a deactivation", { active: false }],
    ["a new password", { password: NEW_PASSWORD }],
    ["a removal", null],
  ])("lose their sessions by %s", async (_, change) => {
    const admin = await newPerson();
    const bob = await newColleague(admin, "operator");
    const path = `/api/v1/users/${bob.id}`;
    const done = change === null ? await admin.call("DELETE", path) : await admin.call("PATCH", path, change);
    expect(done.status).toBe(change === null ? 204 : 200);
    expect(await statusOf(bob.call("GET", ME))).toBe(401);
  });

  test("always have an admin: two who remove each other at once do not both succeed", async () => {
    const ada = await newPerson();
    expect(await statusOf(ada.call("PATCH", `/api/v1/users/${ada.id}`, { role: "viewer" }))).toBe(409);
    expect(await statusOf(ada.call("PATCH", `/api/v1/users/${ada.id}`, { active: false }))).toBe(409);
    const bob = await newColleague(ada, "admin");
    await Promise.all([
      ada.call("PATCH", `/api/v1/users/${bob.id}`, { role: "viewer" }),
      bob.call("PATCH", `/api/v1/users/${ada.id}`, { role: "viewer" }),
    ]);
    const roles = await Promise.all([ada, bob].map(async ({ email }) => (await logIn(email)).call("GET", ME)));
    expect(roles.map(({ body }) => body.role)).toContain("admin");
  });

  test("have an email nobody else has, in any workspace and any spelling", async () => {
    const [ada, eve] = [await newPerson(), await newPerson()];
    const taken = { email: ada.email.toUpperCase(), role: "viewer" };
    expect(await eve.call("POST", "/api/v1/users", taken)).toMatchObject({ status: 409, body: { code: "conflict" } });
    const registration = { email: taken.email, password: PASSWORD };
    expect(await statusOf(send("POST", "/api/auth/register", { body: registration }))).toBe(409);
  });

  test("are paged, each once", async () => {
    const admin = await newPerson();
    for (let user = 0; user < 4; user += 1) {
      requireStatus(await admin.call("POST", "/api/v1/users", { email: newEmail(), role: "viewer" }), 201);
    }
    const ids: string[] = [];
    for (let after = ""; after !== "end"; ) {
      const { body } = requireStatus(await admin.call("GET", `/api/v1/users?limit=2${after}`), 200);
      ids.push(...body.users.map(({ id }: { id: string }) => id));
      after = body.next === null ? "end" : `&after=${body.next}`;
    }
    expect(new Set(ids).size).toBe(5);
    expect(ids).toHaveLength(5);
  });
});

describe("an API key", () => {
  let ada: Person;
  beforeAll(async () => {
    ada = await newPerson();
  });

  test("is its own principal, outlives its maker, and is nowhere in the database or in a list", async () => {
    const maker = await newColleague(ada, "admin");
    const made = await maker.call("POST", "/api/v1/auth/api-keys", { service_name: "ci", expires_in_days: 30 });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ service_name: "ci", permissions: ["connections:read", "tokens:read"] });
    expect(made.body.key_prefix).toMatch(/^ak_[0-9a-f]{12}$/);
    expect(made.body.api_key).not.toContain(made.body.key_prefix.slice(3));
    expect(Date.parse(made.body.expires_at) - Date.parse(made.body.created_at)).toBe(30 * 86_400_000);
    requireStatus(await ada.call("DELETE", `/api/v1/users/${maker.id}`), 204);
    const { status, body } = await send("GET", ME, { headers: { "x-api-key": made.body.api_key } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: made.body.id, email: null, role: "api_service", workspace_id: ada.workspaceId });
    expect((await ada.call("GET", "/api/v1/auth/api-keys")).text).not.toContain(made.body.api_key);
    const rows = await queryAsOwner("select k::text from api_keys k where id = $1", [made.body.id]);
    expect(JSON.stringify(rows)).not.toContain(made.body.api_key.slice(7));
  });

  test("is refused once it has expired", async () => {
    const key = await newKey(ada);
    await queryAsOwner("update api_keys set expires_at = now() - interval '1 second' where id = $1", [key.id]);
    expect(await statusOf(key.call("GET", ME))).toBe(401);
  });

  test("is refused from the moment it is revoked", async () => {
    const key = await newKey(ada);
    expect(await statusOf(key.call("GET", ME))).toBe(200);
    expect(await statusOf(ada.call("DELETE", `/api/v1/auth/api-keys/${key.id}`))).toBe(204);
    expect(await statusOf(key.call("GET", ME))).toBe(401);
  });

  test("is replaced at once, or works on until its grace has ended", async () => {
    const [short, long] = [await newKey(ada), await newKey(ada, ["tokens:read"])];
    const rotate = (id: string, body?: object) => ada.call("POST", `/api/v1/auth/api-keys/${id}/rotate`, body);
    requireStatus(await rotate(short.id), 201);
    expect(await statusOf(short.call("GET", ME))).toBe(401);
    const next = requireStatus(await rotate(long.id, { grace_seconds: 60 }), 201).body;
    expect(next.permissions).toEqual(["tokens:read"]);
    expect(await statusOf(long.call("GET", ME))).toBe(200);
    expect(await statusOf(send("GET", ME, { headers: { "x-api-key": next.api_key } }))).toBe(200);
  });

  test("never manages users, nor keys, nor itself", async () => {
    const wanted = { service_name: "x", permissions: ["users:manage"] };
    expect(await statusOf(ada.call("POST", "/api/v1/auth/api-keys", wanted))).toBe(403);
    const key = await newKey(ada, ["connections:write", "audit:read", "users:impersonate"]);
    for (const headers of [{}, { "x-user-id": ada.id }]) {
      expect(await statusOf(key.call("POST", "/api/v1/auth/api-keys", { service_name: "x" }, headers))).toBe(403);
      expect(await statusOf(key.call("POST", `/api/v1/auth/api-keys/${key.id}/rotate`, {}, headers))).toBe(403);
      expect(await statusOf(key.call("GET", "/api/auth/sessions", undefined, headers))).toBe(403);
    }
  });

  test("acts for a user of its workspace with the permissions both have, and the audit names both", async () => {
    const key = await newKey(ada, ["connections:read", "connections:write", "users:impersonate"]);
    const viewer = requireStatus(await ada.call("POST", "/api/v1/users", { email: newEmail(), role: "viewer" }), 201);
    const acting = await key.call("GET", ME, undefined, { "x-user-id": viewer.body.id });
    expect(acting.body).toMatchObject({ id: viewer.body.id, role: "viewer", permissions: ["connections:read"] });
    await expect
      .poll(() => readAudit(ada, "auth.impersonated"), { timeout: 5000 })
      .toContainEqual(expect.objectContaining({ actor: { type: "user", id: viewer.body.id, via: key.id } }));
  });

  test("acts for nobody who is not an active user of its workspace, nor without leave", async () => {
    const key = await newKey(ada, ["users:impersonate"]);
    const [stranger, gone] = [await newPerson(), await newColleague(ada, "viewer")];
    requireStatus(await ada.call("DELETE", `/api/v1/users/${gone.id}`), 204);
    for (const id of [stranger.id, gone.id, `usr_${"0".repeat(32)}`, key.id, "1 or 1=1", ada.email]) {
      expect(await statusOf(key.call("GET", ME, undefined, { "x-user-id": id })), id).toBe(404);
    }
    const humble = await newKey(ada, ["tokens:read"]);
    expect(await statusOf(humble.call("GET", ME, undefined, { "x-user-id": ada.id }))).toBe(403);
  });
});

test("nobody is registered with more than a registration holds", async () => {
  const registration = { email: newEmail(), password: PASSWORD };
  for (const extra of [{ role: "admin" }, { id: "usr_1" }, { workspace_id: "wsp_1" }, { is_admin: true }]) {
    const reply = await send("POST", "/api/auth/register", { body: { ...registration, ...extra } });
    expect(reply).toMatchObject({ status: 400, body: { code: "invalid_request" } });
  }
  const polluted = `{"email": "${registration.email}", "password": "${PASSWORD}", "__proto__": {"role": "x"}}`;
  const headers = { "content-type": "application/json" };
  expect(await statusOf(send("POST", "/api/auth/register", { raw: polluted, headers }))).toBe(400);
});
