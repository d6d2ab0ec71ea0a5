import { beforeAll, describe, expect, test } from "vitest";
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

const ME = "/api/auth/me";
const LOGIN = "/api/auth/login";
const LOGOUT = "/api/auth/logout";
const COOKIE_FLAGS = "Path=/; HttpOnly; Secure; SameSite=Lax";

const statusOf = async (reply: Promise<Reply>) => (await reply).status;
const logInAs = (email: string, password: string) => send("POST", LOGIN, { body: { email, password } });

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

function fromBase64Url(text: string): string {
  return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
}
