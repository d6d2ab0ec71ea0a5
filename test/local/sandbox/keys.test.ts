import { importPKCS8, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Sandbox } from "../../../local/sandbox/server.ts";
import { CLOUD_SCOPE, postForm, readAnswer, readCredentials, startTestSandbox } from "./sandbox-client.ts";

let sandbox: Sandbox;
let credentials: Record<string, Record<string, string>>;

beforeAll(async () => {
  sandbox = await startTestSandbox();
  credentials = await readCredentials(sandbox);
});
afterAll(() => sandbox.stop());

const get = (host: string, path: string, headers: Record<string, string> = {}) =>
  readAnswer(fetch(`${sandbox.origins[`https://${host}`]}${path}`, { headers }));
const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token}` });

test("Datadog's first call does not look at the application key; the second does, and at the site", async () => {
  const { api_key, app_key } = credentials["datadog"] ?? {};
  const headers = { "dd-api-key": api_key ?? "", "dd-application-key": "wrong" };
  expect((await get("api.datadoghq.com", "/api/v1/validate", headers)).body).toEqual({ valid: true });
  expect((await get("api.datadoghq.com", "/api/v2/current_user", headers)).status).toBe(403);
  const both = { ...headers, "dd-application-key": app_key ?? "" };
  expect((await get("api.datadoghq.com", "/api/v2/current_user", both)).status).toBe(200);
  expect((await get("api.datadoghq.eu", "/api/v1/validate", both)).status).toBe(403);
});

test("Splunk tells anyone what it is and nobody whose token it is not; without the mode it is no JSON", async () => {
  const host = "splunk.demo.example:8089";
  expect((await get(host, "/services/server/info?output_mode=json")).status).toBe(200);
  const context = "/services/authentication/current-context";
  expect((await get(host, `${context}?output_mode=json`)).status).toBe(401);
  const mine = bearer(credentials["splunk"]?.["api_token"]);
  expect((await get(host, `${context}?output_mode=json`, mine)).status).toBe(200);
  expect((await get(host, context, mine)).headers.get("content-type")).toContain("xml");
});

test("Coroot knows a session by its cookie, and calls a wrong password nobody's", async () => {
  const { email, password } = credentials["coroot"] ?? {};
  const url = `${sandbox.origins["https://coroot.demo.example"]}/api/login`;
  const logIn = (body: unknown) => fetch(url, { method: "POST", body: JSON.stringify(body) });
  expect((await logIn({ email, password: "wrong" })).status).toBe(404);
  expect((await logIn({ email })).status).toBe(400);
  const answer = await logIn({ email, password });
  const [cookie = ""] = answer.headers.getSetCookie();
  expect(await answer.text()).toBe("");
  expect(cookie).toMatch(/^coroot_session=[\w-]+\.[\w-]+; Path=\/; Expires=.* GMT; HttpOnly$/);
  expect((await get("coroot.demo.example", "/api/user")).status).toBe(401);
  const signedIn = await get("coroot.demo.example", "/api/user", { cookie: cookie.split(";")[0] ?? "" });
  expect(signedIn.body["email"]).toBe(email);
});

test("Scaleway takes the secret key, and lists projects of the organisation it is told", async () => {
  const { access_key, secret_key } = credentials["scaleway"] ?? {};
  const mine = { "x-auth-token": secret_key ?? "" };
  expect((await get("api.scaleway.com", `/iam/v1alpha1/api-keys/${access_key}`, mine)).status).toBe(200);
  expect((await get("api.scaleway.com", `/iam/v1alpha1/api-keys/${access_key}`)).status).toBe(401);
  expect((await get("api.scaleway.com", "/iam/v1alpha1/api-keys/SCWAAAAAAAAAAAAAAAAA", mine)).status).toBe(404);
  expect((await get("api.scaleway.com", "/account/v3/projects", mine)).status).toBe(403);
});

test("ThousandEyes and Netdata tell a wrong token from one that may nothing", async () => {
  const refused = await readCredentials(sandbox, "?refused");
  for (const [id, host, path] of [
    ["thousandeyes", "api.thousandeyes.com", "/v7/account-groups"],
    ["netdata", "app.netdata.cloud", "/api/v2/accounts/me"],
  ] as const) {
    const asked = [bearer("wrong"), bearer(refused[id]?.["api_token"]), bearer(credentials[id]?.["api_token"])];
    const statuses = await Promise.all(asked.map(async (headers) => (await get(host, path, headers)).status));
    expect(statuses).toEqual([401, 403, 200]);
  }
});

test("Google takes the assertion of a key it made: signed by it, for itself, short-lived", async () => {
  const json = (await readCredentials(sandbox, "?keys"))["gcp"]?.["service_account_json"] ?? "{}";
  const file = JSON.parse(json) as Record<string, string>;
  const key = await importPKCS8(file["private_key"] ?? "", "RS256");
  const now = Math.floor(Date.now() / 1000);
  const good = { iss: file["client_email"], scope: CLOUD_SCOPE, aud: file["token_uri"], iat: now, exp: now + 3600 };
  const trade = async (claims: object) => {
    const payload: JWTPayload = JSON.parse(JSON.stringify({ ...good, ...claims }));
    const assertion = await new SignJWT(payload).setProtectedHeader({ alg: "RS256" }).sign(key);
    const grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    return postForm(`${sandbox.origins["https://oauth2.googleapis.com"]}/token`, { grant_type, assertion });
  };
  const { status, body } = await trade({});
  expect([status, body["expires_in"]]).toEqual([200, 3599]);
  const projects = await get(
    "cloudresourcemanager.googleapis.com",
    "/v1/projects",
    bearer(String(body["access_token"])),
  );
  expect(projects.status).toBe(200);
  for (const claims of [
    { iss: "nobody@p.iam.gserviceaccount.com" },
    { aud: "https://oauth2.googleapis.com/" },
    { exp: now + 7200 },
    { iat: now - 7200, exp: now - 3600 },
    { exp: undefined },
  ]) {
    expect((await trade(claims)).body["error"]).toBe("invalid_grant");
  }
  expect((await trade({ scope: "" })).body["error"]).toBe("invalid_scope");
});
