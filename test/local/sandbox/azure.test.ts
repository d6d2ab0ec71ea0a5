import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Sandbox } from "../../../local/sandbox/server.ts";
import { control, postForm, readAnswer, readCredentials, startTestSandbox } from "./sandbox-client.ts";

let sandbox: Sandbox;
let credentials: Record<string, string>;

beforeAll(async () => {
  sandbox = await startTestSandbox();
  credentials = (await readCredentials(sandbox))["azure"] ?? {};
});
afterAll(() => sandbox.stop());
beforeEach(() => control(sandbox, "/_reset"));

function requestToken(changes: Record<string, string> = {}, tenant = credentials["tenant_id"]) {
  return postForm(`${sandbox.origins["https://login.microsoftonline.com"]}/${tenant}/oauth2/v2.0/token`, {
    grant_type: "client_credentials",
    client_id: credentials["client_id"] ?? "",
    client_secret: credentials["client_secret"] ?? "",
    scope: "https://management.azure.com/.default",
    ...changes,
  });
}

function listSubscriptions(token: unknown, query = "?api-version=2020-01-01") {
  const url = `${sandbox.origins["https://management.azure.com"]}/subscriptions${query}`;
  return readAnswer(fetch(url, { headers: token ? { authorization: `Bearer ${token}` } : {} }));
}

test("client credentials yield a token that lists two enabled and one disabled subscription", async () => {
  const { status, body } = await requestToken();
  expect([status, body["token_type"], body["expires_in"]]).toEqual([200, "Bearer", 3599]);
  const { body: list } = await listSubscriptions(body["access_token"]);
  const states = (list["value"] as { state: string }[]).map(({ state }) => state);
  expect(states).toEqual(["Enabled", "Enabled", "Disabled"]);
});

test.each([
  ["a wrong secret", { client_secret: "wrong" }, 401, "invalid_client", 7000215],
  ["no secret", { client_secret: "" }, 401, "invalid_client", 7000218],
  ["an unknown client", { client_id: "00000000-0000-4000-8000-000000000000" }, 400, "unauthorized_client", 700016],
  ["another scope", { scope: "https://graph.microsoft.com/.default" }, 400, "invalid_scope", 1002012],
  ["no scope", { scope: "" }, 400, "invalid_request", 900144],
  ["another grant", { grant_type: "password" }, 400, "unsupported_grant_type", 70003],
])("%s is refused with its AADSTS code", async (_name, changes, status, error, code) => {
  const answer = await requestToken(changes);
  expect([answer.status, answer.body["error"], answer.body["error_codes"]]).toEqual([status, error, [code]]);
  expect(answer.body["error_description"]).toContain(`AADSTS${code}:`);
});

test.each(["common", "00000000-0000-4000-8000-000000000000", "%2e%2e%"])("tenant %s is unknown", async (tenant) => {
  const answer = await requestToken({}, tenant);
  expect([answer.status, answer.body["error_codes"]]).toEqual([400, [90002]]);
});

test("a lifetime set by /_tokens ends the token", async () => {
  await control(sandbox, "/_tokens", { provider: "azure", expires_in: 1 });
  const { body } = await requestToken();
  expect(body["expires_in"]).toBe(1);
  await expect.poll(async () => (await listSubscriptions(body["access_token"])).status, { timeout: 4000 }).toBe(401);
});

test("the API refuses no token, a wrong token and a missing or malformed api-version", async () => {
  const { body } = await requestToken();
  const codeOf = async (token: unknown, query?: string) => {
    const answer = await listSubscriptions(token, query);
    return [answer.status, (answer.body["error"] as { code: string }).code];
  };
  expect(await codeOf(null)).toEqual([401, "AuthenticationFailed"]);
  expect(await codeOf("wrong")).toEqual([401, "ExpiredAuthenticationToken"]);
  expect(await codeOf(body["access_token"], "")).toEqual([400, "MissingApiVersionParameter"]);
  expect(await codeOf(body["access_token"], "?api-version=latest")).toEqual([400, "InvalidApiVersionParameter"]);
});
