import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Sandbox } from "../../../local/sandbox/server.ts";
import {
  control,
  createDemoClient,
  listCalls,
  readAnswer,
  readCredentials,
  startTestSandbox,
  type TestClient,
} from "./sandbox-client.ts";

let sandbox: Sandbox;
let demo: TestClient;
let refreshToken: unknown;

beforeAll(async () => {
  sandbox = await startTestSandbox();
  demo = createDemoClient(sandbox);
});
afterAll(() => sandbox.stop());
beforeEach(async () => {
  await control(sandbox, "/_reset");
  await control(sandbox, "/_tokens", { provider: "demo", rotate: false });
  refreshToken = (await demo.connect()).body["refresh_token"];
});

function fail(fault: object): Promise<void> {
  return control(sandbox, "/_faults", { provider: "demo", endpoint: "token", ...fault });
}

test("calls are listed by provider, with what they were and no secret", async () => {
  await demo.refresh(refreshToken);
  await demo.api("wrong");
  const calls = await listCalls(sandbox, "demo");
  expect(calls.map(({ endpoint, grant_type, status }) => [endpoint, grant_type, status])).toEqual([
    ["authorize", undefined, 303],
    ["token", "authorization_code", 200],
    ["token", "refresh_token", 200],
    ["api", undefined, 401],
  ]);
  expect(calls[2]).toMatchObject({ method: "POST", host: "demo-idp.example", path: "/token" });
  expect(JSON.stringify(calls)).not.toContain(String(refreshToken));
});

test("a host nobody plays is 404 and counted as unknown", async () => {
  const answer = await readAnswer(fetch(`${sandbox.address}/api.nobody.example/v1?token=secret`));
  expect(answer.status).toBe(404);
  const [call] = await listCalls(sandbox, "unknown");
  expect(call).toMatchObject({ host: "api.nobody.example", path: "/v1", status: 404, endpoint: null });
});

test("status faults last as many times as asked, with Retry-After where asked", async () => {
  await fail({ kind: "status", status: 429, retry_after: 7, times: 2 });
  const [first, second, third] = [
    await demo.refresh(refreshToken),
    await demo.refresh(refreshToken),
    await demo.refresh(refreshToken),
  ];
  expect([first.status, second.status, third.status]).toEqual([429, 429, 200]);
  expect(first.headers.get("retry-after")).toBe("7");
});

test("a fault spoils its own provider and endpoint only", async () => {
  await control(sandbox, "/_faults", { provider: "gcp", endpoint: "token", kind: "status", status: 500, seconds: 60 });
  await fail({ endpoint: "revoke", kind: "status", status: 500, seconds: 60 });
  expect((await demo.refresh(refreshToken)).status).toBe(200);
  expect((await demo.revoke("x")).status).toBe(500);
});

test("an html fault is a page with status 200, a huge one 5 MB", async () => {
  await fail({ kind: "html" });
  const page = await demo.refresh(refreshToken);
  expect([page.status, page.headers.get("content-type")?.startsWith("text/html")]).toEqual([200, true]);
  await fail({ endpoint: "api", kind: "huge" });
  const response = await fetch(`${sandbox.origins["https://demo-idp.example"]}/v1/me`);
  expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(5_000_000);
});

test("a delayed call is answered late and does its work", async () => {
  await fail({ kind: "delay", ms: 150 });
  const start = performance.now();
  expect((await demo.refresh(refreshToken)).status).toBe(200);
  expect(performance.now() - start).toBeGreaterThan(140);
});

test("a hanging call is never answered and is counted without a status", async () => {
  await fail({ kind: "hang" });
  const url = `${sandbox.origins["https://demo-idp.example"]}/token`;
  const call = fetch(url, { method: "POST", body: new URLSearchParams(), signal: AbortSignal.timeout(150) });
  await expect(call).rejects.toThrow(/timeout/);
  expect((await listCalls(sandbox, "demo")).at(-1)).toMatchObject({ endpoint: "token", status: null });
});

test("reset after commit does the work and answers nobody", async () => {
  await control(sandbox, "/_tokens", { provider: "demo", rotate: true });
  await fail({ kind: "reset_after_commit" });
  await expect(demo.refresh(refreshToken)).rejects.toThrow();
  // The token was rotated, so using it again is reuse.
  expect((await demo.refresh(refreshToken)).body["error"]).toBe("invalid_grant");
});

test("reset forgets faults, calls and token settings, and keeps grants", async () => {
  await fail({ kind: "status", seconds: 60 });
  await control(sandbox, "/_tokens", { provider: "demo", expires_in: 5 });
  await control(sandbox, "/_reset");
  expect(await listCalls(sandbox, "demo")).toEqual([]);
  const { status, body } = await demo.refresh(refreshToken);
  expect([status, body["expires_in"]]).toEqual([200, 3600]);
  expect(body["refresh_token"]).not.toBe(refreshToken);
});

test.each([
  ["/_faults", { provider: "nobody", endpoint: "token", kind: "hang" }],
  ["/_faults", { provider: "demo", endpoint: "everything", kind: "hang" }],
  ["/_faults", { provider: "demo", endpoint: "token", kind: "explode" }],
  ["/_tokens", { provider: "nobody", expires_in: 5 }],
  ["/_tokens", { provider: "demo", expires_in: 0 }],
  ["/_tokens", { provider: "demo", lifetime: 5 }],
])("%s refuses %j in words", async (path, body) => {
  const answer = await readAnswer(fetch(`${sandbox.address}${path}`, { method: "POST", body: JSON.stringify(body) }));
  expect([answer.status, typeof answer.body["error"]]).toEqual([400, "string"]);
});

test("health names the providers", async () => {
  const { body } = await readAnswer(fetch(`${sandbox.address}/_health`));
  expect(body["status"]).toBe("ok");
  const ids = body["providers"] as string[];
  expect(ids).toEqual(ids.toSorted());
  expect(ids).toEqual(expect.arrayContaining(Object.keys(await readCredentials(sandbox))));
});
