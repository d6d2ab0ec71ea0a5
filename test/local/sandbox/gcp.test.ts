import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { renderConsentPage } from "../../../local/sandbox/oidc/consent-page.ts";
import type { Sandbox } from "../../../local/sandbox/server.ts";
import { approveConsent } from "../../support/consent.ts";
import {
  CLOUD_SCOPE,
  control,
  createGcpClient,
  postForm,
  readAnswer,
  startTestSandbox,
  type TestClient,
} from "./sandbox-client.ts";

let sandbox: Sandbox;
let google: TestClient;

beforeAll(async () => {
  sandbox = await startTestSandbox();
  google = createGcpClient(sandbox);
});
afterAll(() => sandbox.stop());
beforeEach(() => control(sandbox, "/_reset"));

test("a consent yields tokens that read the account's email", async () => {
  const { status, body } = await google.connect({ email: "ada@example.com" });
  expect(status).toBe(200);
  expect(body).toMatchObject({ token_type: "Bearer", expires_in: 3599 });
  expect(String(body["scope"]).split(" ").sort()).toEqual(
    [CLOUD_SCOPE, "https://www.googleapis.com/auth/userinfo.email", "openid"].sort(),
  );
  expect((await google.api(body["access_token"])).body).toMatchObject({
    email: "ada@example.com",
    email_verified: true,
  });
});

test("state comes back as it was sent, and no iss with it", async () => {
  const { finalLocation } = await approveConsent(google.authorizeUrl({ state: "a b&c=1" }));
  const { searchParams } = new URL(finalLocation);
  expect(searchParams.get("state")).toBe("a b&c=1");
  expect(searchParams.has("iss")).toBe(false);
});

test("denying comes back as access_denied with the state", async () => {
  const { finalLocation } = await approveConsent(google.authorizeUrl(), { decision: "deny" });
  const { searchParams } = new URL(finalLocation);
  expect([searchParams.get("error"), searchParams.get("state")]).toEqual(["access_denied", "s-1"]);
});

test("the page proposes the login hint", async () => {
  const { body } = await google.connect({}, { login_hint: "hint@example.com" });
  expect((await google.api(body["access_token"])).body["email"]).toBe("hint@example.com");
});

test("what the page shows is escaped", () => {
  const page = renderConsentPage({ providerName: "X", email: '"><script>', scopes: ["<b>"] });
  expect(page).toContain('value="&quot;&gt;&lt;script&gt;"');
  expect(page).toContain("<code>&lt;b&gt;</code>");
});

test("the same email is the same account, another email another", async () => {
  const subjectOf = async (email: string) => {
    const { body } = await google.connect({ email });
    return (await google.api(body["access_token"])).body["sub"];
  };
  const [first, again, other] = [
    await subjectOf("a@x.example"),
    await subjectOf("a@x.example"),
    await subjectOf("b@x.example"),
  ];
  expect(again).toBe(first);
  expect(other).not.toBe(first);
});

test("several consents run at once in different browsers", async () => {
  const emails = ["one@x.example", "two@x.example", "three@x.example", "four@x.example"];
  const answers = await Promise.all(emails.map((email) => google.connect({ email })));
  const found = await Promise.all(answers.map(({ body }) => google.api(body["access_token"])));
  expect(found.map(({ body }) => body["email"])).toEqual(emails);
});

test("one browser can choose another account the next time", async () => {
  const cookies = new Map<string, string>();
  await google.connect({ email: "first@x.example", cookies });
  const { body } = await google.connect({ email: "second@x.example", cookies });
  expect((await google.api(body["access_token"])).body["email"]).toBe("second@x.example");
});

test.each([
  ["no PKCE challenge", { code_challenge: null, code_challenge_method: null }],
  ["a plain PKCE challenge", { code_challenge_method: "plain" }],
])("%s is refused at the redirect URI", async (_name, changes) => {
  const { finalLocation } = await approveConsent(google.authorizeUrl(changes));
  expect(new URL(finalLocation).searchParams.get("error")).toBe("invalid_request");
});

test.each([
  ["an unknown client", { client_id: "nobody.apps.googleusercontent.com" }, 401],
  ["an unregistered redirect URI", { redirect_uri: "http://127.0.0.1:8787/other" }, 400],
  ["no redirect URI", { redirect_uri: null }, 400],
  ["an unknown scope", { scope: "openid https://www.googleapis.com/auth/drive" }, 400],
  ["no scope", { scope: null }, 400],
  ["another response type", { response_type: "token" }, 400],
  ["an unknown access type", { access_type: "forever" }, 400],
  ["an unknown prompt", { prompt: "login" }, 400],
])("%s is refused on a page, without a redirect", async (_name, changes, status) => {
  const response = await fetch(google.authorizeUrl(changes), { redirect: "manual" });
  expect([response.status, response.headers.get("location")]).toEqual([status, null]);
});

test.each([
  ["online access", { access_type: "online" }],
  ["no access type", { access_type: null }],
  ["no prompt for consent", { prompt: "select_account" }],
])("%s yields no refresh token", async (_name, changes) => {
  const { status, body } = await google.connect({}, changes);
  expect([status, "refresh_token" in body]).toEqual([200, false]);
});

test("a code works once, and its second use ends what it gave", async () => {
  const { finalLocation } = await approveConsent(google.authorizeUrl());
  const code = new URL(finalLocation).searchParams.get("code") ?? "";
  const first = await google.exchangeCode(code);
  expect(first.status).toBe(200);
  expect((await google.exchangeCode(code)).body["error"]).toBe("invalid_grant");
  expect((await google.refresh(first.body["refresh_token"])).body["error"]).toBe("invalid_grant");
});

test.each([
  ["a wrong client secret", { client_secret: "GOCSPX-wrong" }, 401, "invalid_client"],
  ["an unknown client", { client_id: "nobody" }, 401, "invalid_client"],
  ["a wrong PKCE verifier", { code_verifier: "x".repeat(43) }, 400, "invalid_grant"],
  ["another redirect URI", { redirect_uri: "http://127.0.0.1:8787/other" }, 400, "invalid_grant"],
  ["another grant type", { grant_type: "password" }, 400, "unsupported_grant_type"],
])("%s is refused at the token endpoint", async (_name, changes, status, error) => {
  const { finalLocation } = await approveConsent(google.authorizeUrl());
  const answer = await google.exchangeCode(new URL(finalLocation).searchParams.get("code") ?? "", changes);
  expect([answer.status, answer.body["error"]]).toEqual([status, error]);
});

test("the token endpoint takes a form by POST and nothing else", async () => {
  const url = `${sandbox.origins["https://oauth2.googleapis.com"]}/token`;
  const asJson = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
  expect((await fetch(url, asJson)).status).toBe(400);
  expect((await fetch(url)).status).toBe(405);
});

test("a refresh token is not rotated: it works again and is not in the answer", async () => {
  const { body } = await google.connect();
  for (let turn = 0; turn < 3; turn += 1) {
    const refreshed = await google.refresh(body["refresh_token"]);
    expect([refreshed.status, "refresh_token" in refreshed.body]).toEqual([200, false]);
  }
});

test("lifetimes follow /_tokens and an expired token is refused", async () => {
  const { body } = await google.connect();
  await control(sandbox, "/_tokens", { provider: "gcp", expires_in: 1 });
  const refreshed = await google.refresh(body["refresh_token"]);
  expect(refreshed.body["expires_in"]).toBe(1);
  await expect.poll(async () => (await google.api(refreshed.body["access_token"])).status, { timeout: 4000 }).toBe(401);
  expect((await google.api(body["access_token"])).status).toBe(200);
});

test("revoking either token ends the grant; a second time is invalid_token", async () => {
  const { body } = await google.connect({ email: "revoked@x.example" });
  expect((await google.revoke(body["access_token"])).status).toBe(200);
  expect((await google.refresh(body["refresh_token"])).body["error"]).toBe("invalid_grant");
  expect((await google.api(body["access_token"])).status).toBe(401);
  const again = await google.revoke(body["refresh_token"]);
  expect([again.status, again.body["error"]]).toEqual([400, "invalid_token"]);
});

test("revoking ends every grant of that account, and no other account's", async () => {
  const [one, same, other] = [
    await google.connect({ email: "one@x.example" }),
    await google.connect({ email: "one@x.example" }),
    await google.connect({ email: "other@x.example" }),
  ];
  await google.revoke(one.body["refresh_token"]);
  expect((await google.refresh(same.body["refresh_token"])).body["error"]).toBe("invalid_grant");
  expect((await google.refresh(other.body["refresh_token"])).status).toBe(200);
});

test("APIs refuse a token without their scope, a wrong token and none", async () => {
  const projects = `${sandbox.origins["https://cloudresourcemanager.googleapis.com"]}/v1/projects`;
  const list = (token: unknown) => readAnswer(fetch(projects, { headers: { authorization: `Bearer ${token}` } }));
  const { body } = await google.connect({}, { scope: "openid email" });
  expect((await list(body["access_token"])).status).toBe(403);
  expect((await list("ya29.wrong")).status).toBe(401);
  expect((await readAnswer(fetch(projects))).status).toBe(401);
  const full = await google.connect();
  expect((await list(full.body["access_token"])).status).toBe(200);
  const narrow = await google.connect({}, { scope: CLOUD_SCOPE });
  expect((await google.api(narrow.body["access_token"])).status).toBe(401);
});

test("revoking takes a form, not JSON", async () => {
  const url = `${sandbox.origins["https://oauth2.googleapis.com"]}/revoke`;
  expect((await postForm(url, {})).status).toBe(400);
  const asJson = { method: "POST", body: '{"token":"x"}', headers: { "content-type": "application/json" } };
  expect((await fetch(url, asJson)).status).toBe(400);
});
