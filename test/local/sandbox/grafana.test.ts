import { afterAll, beforeAll, expect, test } from "vitest";
import type { Sandbox } from "../../../local/sandbox/server.ts";
import { readAnswer, readCredentials, startTestSandbox } from "./sandbox-client.ts";

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.stop());

function readOrganization(authorization: string | null) {
  const url = `${sandbox.origins["https://demo.grafana.net"]}/api/org`;
  return readAnswer(fetch(url, { headers: authorization ? { authorization } : {} }));
}

test("a service account token reads the organisation", async () => {
  const token = (await readCredentials(sandbox))["grafana"]?.["service_account_token"];
  const { status, body } = await readOrganization(`Bearer ${token}`);
  expect([status, body["id"], body["name"]]).toEqual([200, 1, "Sandbox Org"]);
  expect(body["address"]).toBeDefined();
});

test.each([
  ["a wrong token", "Bearer glsa_wrong_00000000", 401, "Invalid API key"],
  ["no token", null, 401, "Unauthorized"],
  ["HTTP Basic", "Basic YWRtaW46YWRtaW4=", 401, "Unauthorized"],
])("%s is refused", async (_name, authorization, status, message) => {
  const answer = await readOrganization(authorization);
  expect([answer.status, answer.body["message"]]).toEqual([status, message]);
});

test("a token without permission is 403", async () => {
  const token = (await readCredentials(sandbox, "?refused=1"))["grafana"]?.["service_account_token"];
  expect((await readOrganization(`Bearer ${token}`)).status).toBe(403);
});

test("another stack is not played", async () => {
  const response = await fetch(`${sandbox.address}/other.grafana.net/api/org`);
  expect(response.status).toBe(404);
});
