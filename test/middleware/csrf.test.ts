import { beforeEach, describe, expect, test } from "vitest";
import { bearer, createIdentityApp, send } from "../support/identity-app.ts";
import { createIdentityWorld, signUp } from "../support/identity-world.ts";

const OURS = "https://aurora.example";
const FRONTEND = "https://app.example";
const LOGOUT = "/api/auth/logout";
const LOGIN = "/api/auth/login";

let app: ReturnType<typeof createIdentityApp>;
let token: string;
beforeEach(async () => {
  const world = createIdentityWorld();
  app = createIdentityApp(world);
  ({ token } = await signUp(world, "admin@example.com"));
});

const withCookie = (headers: Record<string, string>) => ({
  headers: { cookie: `a=b; access_token=${token}`, ...headers },
});

describe("a change that carries our cookie", () => {
  test.each([
    [{ origin: OURS }],
    [{ origin: FRONTEND }],
    [{ "sec-fetch-site": "same-origin" }],
    [{ "sec-fetch-site": "none" }],
    [{ origin: OURS, "sec-fetch-site": "same-origin" }],
    [{ origin: FRONTEND, "sec-fetch-site": "cross-site" }],
    [{ origin: FRONTEND, "sec-fetch-site": "same-site" }],
  ])("passes from %j", async (headers) => {
    expect((await send(app, "POST", LOGOUT, withCookie(headers))).status).toBe(204);
  });

  test.each([
    [{}],
    [{ origin: "null" }],
    [{ origin: "" }],
    [{ origin: "https://evil.example" }],
    [{ origin: "https://evil.aurora.example" }],
    [{ origin: "https://aurora.example.evil.example" }],
    [{ origin: "http://aurora.example" }],
    [{ origin: "https://aurora.example:8443" }],
    [{ origin: `${OURS}/` }],
    [{ "sec-fetch-site": "cross-site" }],
    [{ "sec-fetch-site": "same-site" }],
    [{ "sec-fetch-site": "" }],
    [{ origin: "https://evil.example", "sec-fetch-site": "same-origin" }],
    [{ origin: "https://evil.example", "sec-fetch-site": "none" }],
    [{ origin: "null", "sec-fetch-site": "none" }],
    [{ origin: OURS, "sec-fetch-site": "cross-site" }],
  ])("is refused from %j", async (headers) => {
    const answer = await send(app, "POST", LOGOUT, withCookie(headers));
    expect(answer).toMatchObject({ status: 403, body: { code: "forbidden" } });
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json",
    "",
  ])("is refused from another site as %j", async (type) => {
    const headers = { cookie: `access_token=${token}`, origin: "https://evil.example", "content-type": type };
    const response = await app.request("/api/auth/change-password", { method: "POST", headers, body: "{}" });
    expect(response.status).toBe(403);
  });

  test.each(["POST", "PUT", "PATCH", "DELETE"])("is refused from another site by %s", async (method) => {
    const headers = { cookie: `access_token=${token}`, origin: "https://evil.example" };
    expect((await send(app, method, "/api/v1/users/usr_1", { headers })).status).toBe(403);
  });

  test("is refused even beside a bearer token, which a page could not have sent", async () => {
    const headers = { cookie: `access_token=${token}`, ...bearer(token).headers };
    expect((await send(app, "POST", LOGOUT, { headers })).status).toBe(403);
  });
});

describe("a change that can set our cookie", () => {
  const body = { email: "admin@example.com", password: "wrong one" };

  test.each([LOGIN, "/api/auth/register", "/api/v1/auth/token"])("%s is refused from another site", async (path) => {
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
    ]) {
      expect((await send(app, "POST", path, { body, headers })).status).toBe(403);
    }
  });

  test("passes without either header, as a client that is no browser sends it", async () => {
    expect((await send(app, "POST", LOGIN, { body })).status).toBe(401);
    expect((await send(app, "POST", LOGIN, { body, headers: { origin: FRONTEND } })).status).toBe(401);
  });

  test("is refused without either header when it carries our cookie", async () => {
    expect((await send(app, "POST", LOGIN, { body, ...withCookie({}) })).status).toBe(403);
  });
});

test("reading with our cookie and changing without it are left alone", async () => {
  const evil = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
  expect((await send(app, "GET", "/api/auth/me", withCookie(evil))).status).toBe(200);
  const headers = { ...evil, ...bearer(token).headers };
  expect((await send(app, "POST", LOGOUT, { headers })).status).toBe(204);
});
