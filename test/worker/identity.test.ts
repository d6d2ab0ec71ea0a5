import { neon, neonConfig } from "@neondatabase/serverless";
import { beforeAll, describe, expect, inject, test } from "vitest";
import {
  bearer,
  cookie,
  logIn,
  newAddress,
  newColleague,
  newEmail,
  newKey,
  newPerson,
  ORIGIN,
  PASSWORD,
  type Person,
  type Reply,
  readAudit,
  requireStatus,
  send,
} from "../support/worker-client.ts";

const NEW_PASSWORD = "a battery, horse and staple";
const ME = "/api/auth/me";
const LOGIN = "/api/auth/login";
const LOGOUT = "/api/auth/logout";
const COOKIE_FLAGS = "Path=/; HttpOnly; Secure; SameSite=Lax";

const statusOf = async (reply: Promise<Reply>) => (await reply).status;
const logInAs = (email: string, password: string) => send("POST", LOGIN, { body: { email, password } });

/** As the owner of the tables, who sees everything in them. */
function asOwner() {
  const { ownerUrl, postgres } = inject("endpoints");
  neonConfig.fetchEndpoint = `${postgres}/sql`;
  return neon(ownerUrl);
}

describe("a session", () => {
  let ada: Person;
  beforeAll(async () => {
    ada = await newPerson();
  });

  test("is answered with its person, and set as a cookie no script can read", async () => {
    const { status, body, headers } = await logInAs(ada.email.toUpperCase(), PASSWORD);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: ada.id, email: ada.email, role: "admin", workspace_id: ada.workspaceId });
    expect(body).toMatchObject({ token_type: "bearer", expires_in: 86_400 });
    expect(headers.getSetCookie()).toEqual([`access_token=${body.access_token}; Max-Age=86400; ${COOKIE_FLAGS}`]);
  });

  test("by username is the token alone, with the claims its clients know", async () => {
    const login = { username: ada.email, password: PASSWORD };
    const { status, body, headers } = await send("POST", "/api/v1/auth/token", { body: login });
    expect(status).toBe(200);
    expect(body).toEqual({ access_token: expect.any(String), token_type: "bearer", expires_in: 86_400 });
    expect(headers.getSetCookie()[0]).toContain(COOKIE_FLAGS);
    const [header, claims] = body.access_token.split(".", 2).map((part: string) => JSON.parse(fromBase64Url(part)));
    expect(header).toMatchObject({ alg: "HS256", typ: "at+jwt", kid: expect.any(String) });
    expect(claims).toMatchObject({ sub: ada.email, role: "admin", uid: ada.id, wid: ada.workspaceId });
    expect(claims.exp - claims.iat).toBe(86_400);
    expect(Object.keys(claims)).toEqual(expect.arrayContaining(["jti", "iss", "aud"]));
  });

  test("proves its person by bearer, by cookie and by both", async () => {
    const callers = [bearer(ada.token), cookie(ada.token), { ...bearer(ada.token), ...cookie(ada.token) }];
    for (const headers of callers) {
      const { status, body } = await send("GET", ME, { headers });
      expect([status, body.id, body.role]).toEqual([200, ada.id, "admin"]);
      expect(body.permissions).toEqual(expect.arrayContaining(["users:manage", "metrics:read"]));
      expect(body.permissions).not.toContain("users:impersonate");
    }
  });

  test("is listed for its person with where it came from, and ended by name", async () => {
    const address = newAddress();
    const headers = { "user-agent": "Firefox\t1" };
    const login = { email: ada.email, password: PASSWORD };
    const other = requireStatus(await send("POST", LOGIN, { body: login, headers, address }), 200).body.access_token;
    const { sessions } = (await ada.call("GET", "/api/auth/sessions")).body;
    const found = sessions.find(({ ip }: { ip: string }) => ip === address);
    expect(found).toMatchObject({ current: false, user_agent: expect.stringContaining("Firefox") });
    expect(sessions.filter(({ current }: { current: boolean }) => current)).toHaveLength(1);
    expect(await statusOf(ada.call("DELETE", `/api/auth/sessions/${found.id}`))).toBe(204);
    expect(await statusOf(send("GET", ME, { headers: bearer(other) }))).toBe(401);
    expect(await statusOf(ada.call("GET", ME))).toBe(200);
  });

  test("ends with its logout, which takes the cookie back with the flags it was set with", async () => {
    const { token } = await logIn(ada.email);
    const { status, headers } = await send("POST", LOGOUT, { headers: cookie(token) });
    expect(status).toBe(204);
    expect(headers.getSetCookie()).toEqual([`access_token=; Max-Age=0; ${COOKIE_FLAGS}`]);
    expect(await statusOf(send("GET", ME, { headers: bearer(token) }))).toBe(401);
    expect(await statusOf(send("GET", ME, { headers: cookie(token) }))).toBe(401);
  });

  test("of somebody else in the browser is left alone by a login", async () => {
    const [mallory, victim] = [await newPerson(), await newPerson()];
    const login = { body: { email: victim.email, password: PASSWORD }, headers: cookie(mallory.token) };
    const { body } = requireStatus(await send("POST", LOGIN, login), 200);
    expect((await send("GET", ME, { headers: bearer(body.access_token) })).body.id).toBe(victim.id);
    expect((await mallory.call("GET", ME)).body.id).toBe(mallory.id);
  });
});

describe("what is presented together", () => {
  let ada: Person;
  let bob: Person;
  let key: string;
  beforeAll(async () => {
    ada = await newPerson();
    bob = await newColleague(ada, "operator");
    key = (await newKey(ada)).secret;
  });

  test.each<[string, () => Record<string, string>, number]>([
    ["a bearer and a cookie of two people", () => ({ ...bearer(ada.token), ...cookie(bob.token) }), 400],
    ["two cookies, even alike", () => cookie(ada.token, ada.token), 400],
    ["a session and a key", () => ({ ...bearer(ada.token), "x-api-key": key }), 400],
    ["a cookie and a key", () => ({ ...cookie(ada.token), "x-api-key": key }), 400],
    ["a good bearer and a bad cookie", () => ({ ...bearer(ada.token), ...cookie("x") }), 401],
    ["a bad bearer and a good cookie", () => ({ ...bearer("x"), ...cookie(ada.token) }), 401],
    ["a good session and a bad key", () => ({ ...bearer(ada.token), "x-api-key": "aurora_x" }), 401],
    ["a good key and a bad bearer", () => ({ ...bearer("x"), "x-api-key": key }), 401],
    ["a key as a bearer token", () => bearer(key), 401],
    ["a session as a key", () => ({ "x-api-key": ada.token }), 401],
    ["a user id alone", () => ({ "x-user-id": ada.id }), 401],
    ["a session and its own user id", () => ({ ...bearer(ada.token), "x-user-id": ada.id }), 200],
    ["a session and another user id", () => ({ ...bearer(ada.token), "x-user-id": bob.id }), 403],
    ["basic authentication", () => ({ authorization: `Basic ${btoa("a:b")}` }), 401],
  ])("%s is judged", async (_, headers, status) => {
    expect(await statusOf(send("GET", ME, { headers: headers() }))).toBe(status);
  });

  test("a key or a session in the query counts for nothing", async () => {
    for (const query of [`api_key=${key}`, `access_token=${ada.token}`, `token=${ada.token}`, `x-api-key=${key}`]) {
      expect(await statusOf(send("GET", `${ME}?${query}`))).toBe(401);
    }
  });

  test("a role, a workspace or an address that the caller claims changes nothing", async () => {
    const claims = { "x-role": "admin", "x-org-id": "wsp_1", "x-user-role": "admin", "x-forwarded-for": "127.0.0.1" };
    const headers = { ...bearer(bob.token), ...claims };
    expect((await send("GET", ME, { headers })).body.role).toBe("operator");
    expect(await statusOf(send("GET", "/api/v1/users", { headers }))).toBe(403);
  });
});

describe("a change a browser sends with our cookie", () => {
  let ada: Person;
  beforeAll(async () => {
    ada = await newPerson();
  });

  test.each<[string, Record<string, string>, number]>([
    ["from our page", { origin: ORIGIN }, 201],
    ["by the person", { "sec-fetch-site": "none" }, 201],
    ["from our page, as fetch metadata says", { "sec-fetch-site": "same-origin" }, 201],
    ["from nowhere said", {}, 403],
    ["from a sandboxed frame", { origin: "null" }, 403],
    ["from another site", { origin: "https://evil.example" }, 403],
    ["from another port", { origin: "http://127.0.0.1:8788" }, 403],
    ["from a name that ends alike", { origin: "http://x.127.0.0.1:8787" }, 403],
    ["from a sibling", { "sec-fetch-site": "same-site" }, 403],
    ["from another site, as fetch metadata says", { "sec-fetch-site": "cross-site" }, 403],
    ["from two places at once", { origin: ORIGIN, "sec-fetch-site": "cross-site" }, 403],
  ])("%s", async (_, site, status) => {
    const headers = { cookie: `access_token=${ada.token}`, ...site };
    const reply = await send("POST", "/api/v1/auth/api-keys", { headers, body: { service_name: "csrf" } });
    expect(reply.status).toBe(status);
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])(
    "from another site is refused as %j",
    async (type) => {
      const headers = { cookie: `access_token=${ada.token}`, origin: "https://evil.example", "content-type": type };
      expect(await statusOf(send("POST", LOGOUT, { headers, raw: "{}" }))).toBe(403);
      expect(await statusOf(ada.call("GET", ME))).toBe(200);
    },
  );

  test("is refused as well where it could set the cookie", async () => {
    const login = { email: ada.email, password: PASSWORD };
    for (const path of [LOGIN, "/api/auth/register", "/api/v1/auth/token", "/signin"]) {
      expect(await statusOf(send("POST", path, { body: login, headers: { origin: "https://evil.example" } }))).toBe(
        403,
      );
    }
    const form = new URLSearchParams(login);
    expect(await statusOf(send("POST", "/signin", { raw: form, headers: { origin: "null" } }))).toBe(403);
    expect(await statusOf(send("POST", "/signin", { raw: form, headers: { origin: ORIGIN } }))).toBe(303);
  });
});

describe("a wrong login", () => {
  test("reads the same for an unknown email, a person without a password, and one who was deactivated", async () => {
    const admin = await newPerson();
    const withoutPassword = newEmail();
    await admin.call("POST", "/api/v1/users", { email: withoutPassword, role: "viewer" });
    const gone = await newColleague(admin, "viewer");
    requireStatus(await admin.call("DELETE", `/api/v1/users/${gone.id}`), 204);
    const replies = await Promise.all(
      [admin.email, newEmail(), withoutPassword, gone.email].map((email) => logInAs(email, "wrong password")),
    );
    replies.push(await logInAs(gone.email, PASSWORD));
    for (const { status, body } of replies) {
      expect({ status, ...body, request_id: null }).toEqual({ ...replies[0]?.body, status: 401, request_id: null });
      expect(body.code).toBe("invalid_credentials");
    }
  });

  test("is counted for the account, from however many addresses and on both paths: five a minute", async () => {
    const email = newEmail();
    const tries = Array.from({ length: 14 }, (_, index) =>
      index % 2 === 0
        ? send("POST", LOGIN, { body: { email, password: "wrong password" } })
        : send("POST", "/api/v1/auth/token", { body: { username: email.toUpperCase(), password: "wrong password" } }),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(9);
  });

  test("is counted for the address Cloudflare saw, whatever others the caller names: twenty a minute", async () => {
    const address = newAddress();
    const attempt = (index: number) =>
      send("POST", LOGIN, {
        body: { email: newEmail(), password: "" },
        headers: { "x-forwarded-for": `192.0.2.${index}`, "x-real-ip": `192.0.2.${index}` },
        address,
      });
    const replies = await Promise.all(Array.from({ length: 22 }, (_, index) => attempt(index)));
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(2);
  });

  test("is audited in the workspace of the person it was tried for", async () => {
    const ada = await newPerson();
    await logInAs(ada.email, "wrong password");
    const events = await readAudit(ada, "user.login_failed");
    expect(events).toHaveLength(1);
    expect(JSON.stringify(events)).not.toContain("wrong password");
  });
});

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
    const rows = await asOwner().query("select k::text from api_keys k where id = $1", [made.body.id]);
    expect(JSON.stringify(rows)).not.toContain(made.body.api_key.slice(7));
  });

  test("is refused once it has expired", async () => {
    const key = await newKey(ada);
    await asOwner().query("update api_keys set expires_at = now() - interval '1 second' where id = $1", [key.id]);
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

function fromBase64Url(text: string): string {
  return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
}
