import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Sandbox } from "../../../local/sandbox/server.ts";
import { approveConsent } from "../../support/consent.ts";
import { control, createDemoClient, postForm, startTestSandbox, type TestClient } from "./sandbox-client.ts";

let sandbox: Sandbox;
let demo: TestClient;

beforeAll(async () => {
  sandbox = await startTestSandbox();
  demo = createDemoClient(sandbox);
});
afterAll(() => sandbox.stop());
beforeEach(() => control(sandbox, "/_reset"));

test("a consent yields tokens that read the account", async () => {
  const { status, body } = await demo.connect({ email: "ada@example.com" });
  expect([status, body["expires_in"], body["scope"]]).toEqual([200, 3600, "read"]);
  expect((await demo.api(body["access_token"])).body["email"]).toBe("ada@example.com");
});

test("each refresh replaces the refresh token", async () => {
  const { body } = await demo.connect();
  const second = await demo.refresh(body["refresh_token"]);
  const third = await demo.refresh(second.body["refresh_token"]);
  expect(third.status).toBe(200);
  const seen = [body, second.body, third.body].map((tokens) => tokens["refresh_token"]);
  expect(new Set(seen).size).toBe(3);
});

test("using a replaced refresh token kills the whole family", async () => {
  const { body } = await demo.connect();
  const second = await demo.refresh(body["refresh_token"]);
  expect((await demo.refresh(body["refresh_token"])).body["error"]).toBe("invalid_grant");
  expect((await demo.refresh(second.body["refresh_token"])).body["error"]).toBe("invalid_grant");
  expect((await demo.api(second.body["access_token"])).status).toBe(401);
});

test("of two refreshes at once with the same token one is reuse", async () => {
  const { body } = await demo.connect();
  const answers = await Promise.all([demo.refresh(body["refresh_token"]), demo.refresh(body["refresh_token"])]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
});

test("another consent of the same account is a family of its own", async () => {
  const [one, two] = [await demo.connect(), await demo.connect()];
  await demo.refresh(one.body["refresh_token"]);
  await demo.refresh(one.body["refresh_token"]);
  expect((await demo.refresh(two.body["refresh_token"])).status).toBe(200);
});

test("within the grace a replaced refresh token works again", async () => {
  await control(sandbox, "/_tokens", { provider: "demo", grace_seconds: 60 });
  const { body } = await demo.connect();
  await demo.refresh(body["refresh_token"]);
  expect((await demo.refresh(body["refresh_token"])).status).toBe(200);
  await control(sandbox, "/_tokens", { provider: "demo", grace_seconds: 0 });
  expect((await demo.refresh(body["refresh_token"])).body["error"]).toBe("invalid_grant");
});

test("rotation can be switched off", async () => {
  await control(sandbox, "/_tokens", { provider: "demo", rotate: false });
  const { body } = await demo.connect();
  expect((await demo.refresh(body["refresh_token"])).status).toBe(200);
  expect((await demo.refresh(body["refresh_token"])).status).toBe(200);
});

test("the client authenticates by HTTP Basic only", async () => {
  const [entry] = JSON.parse(sandbox.settings["CUSTOM_PROVIDERS"] ?? "[]");
  const url = `${sandbox.origins["https://demo-idp.example"]}/token`;
  const form = { grant_type: "refresh_token", refresh_token: "x" };
  const inForm = await postForm(url, { ...form, client_id: entry.client_id, client_secret: entry.client_secret });
  expect([inForm.status, inForm.body["error"]]).toEqual([401, "invalid_client"]);
  const wrong = await postForm(url, form, { authorization: `Basic ${btoa(`${entry.client_id}:wrong`)}` });
  expect([wrong.status, wrong.body["error"]]).toEqual([401, "invalid_client"]);
});

test("an unknown scope and a missing PKCE challenge are refused at the redirect URI", async () => {
  const errorOf = async (changes: Record<string, string | null>) => {
    const { finalLocation } = await approveConsent(demo.authorizeUrl(changes));
    return new URL(finalLocation).searchParams.get("error");
  };
  expect(await errorOf({ scope: "admin" })).toBe("invalid_scope");
  expect(await errorOf({ code_challenge: null, code_challenge_method: null })).toBe("invalid_request");
});

test("revoking ends the grant; an unknown token is answered 200 all the same", async () => {
  const { body } = await demo.connect();
  expect((await demo.revoke(body["refresh_token"])).status).toBe(200);
  expect((await demo.refresh(body["refresh_token"])).body["error"]).toBe("invalid_grant");
  expect((await demo.api(body["access_token"])).status).toBe(401);
  expect((await demo.revoke("unknown")).status).toBe(200);
});

test("the API refuses no token and a token without its scope", async () => {
  expect((await demo.api("nonsense")).status).toBe(401);
  const { body } = await demo.connect({}, { scope: "write" });
  expect((await demo.api(body["access_token"])).status).toBe(403);
});
