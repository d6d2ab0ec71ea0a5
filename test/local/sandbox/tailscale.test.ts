import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Sandbox } from "../../../local/sandbox/server.ts";
import { control, postForm, readAnswer, readCredentials, startTestSandbox } from "./sandbox-client.ts";

let sandbox: Sandbox;
let token: unknown;
let powerless: unknown;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.stop());
beforeEach(async () => {
  await control(sandbox, "/_reset");
  token = (await mint((await readCredentials(sandbox))["tailscale"] ?? {})).body["access_token"];
  powerless = (await mint((await readCredentials(sandbox, "?refused"))["tailscale"] ?? {})).body["access_token"];
});

function mint({ client_id = "", client_secret = "" }: Record<string, string>, changes: Record<string, string> = {}) {
  const url = `${sandbox.origins["https://api.tailscale.com"]}/api/v2/oauth/token`;
  return postForm(url, { grant_type: "client_credentials", client_id, client_secret, ...changes });
}

function call(method: string, path: string, init: RequestInit = {}, bearer = token) {
  const url = `${sandbox.origins["https://api.tailscale.com"]}/api/v2/tailnet/${path}`;
  const headers = { authorization: `Bearer ${bearer}`, ...(init.headers as Record<string, string>) };
  return readAnswer(fetch(url, { ...init, method, headers }));
}

const createKey = (body: object, type = "application/json") =>
  call("POST", "-/keys", { body: JSON.stringify(body), headers: { "content-type": type } });
const tagged = (tags: string[]) => ({ capabilities: { devices: { create: { reusable: true, tags } } } });

test("a client's credentials yield a token that lists the tailnet's devices, by its name or by a dash", async () => {
  for (const tailnet of ["-", "sandbox.example.com"]) {
    const { status, body } = await call("GET", `${tailnet}/devices`);
    expect([status, (body["devices"] as unknown[]).length]).toEqual([200, 3]);
  }
});

test("a wrong secret, another grant, another tailnet, no token and too few scopes are refused", async () => {
  const good = (await readCredentials(sandbox))["tailscale"] ?? {};
  expect((await mint(good, { client_secret: "wrong" })).status).toBe(401);
  expect((await mint(good, { grant_type: "password" })).status).toBe(400);
  expect((await call("GET", "other.example.com/devices")).status).toBe(404);
  expect((await call("GET", "-/devices", {}, "none")).status).toBe(401);
  expect((await call("GET", "-/devices", {}, powerless)).status).toBe(403);
});

test("the policy file is HuJSON with an ETag, and a change of an older version is 412", async () => {
  const read = await fetch(`${sandbox.origins["https://api.tailscale.com"]}/api/v2/tailnet/-/acl`, {
    headers: { authorization: `Bearer ${token}`, accept: "application/hujson" },
  });
  const [text, etag] = [await read.text(), read.headers.get("etag") ?? ""];
  expect(text).toContain("// ");
  const write = (body: string, match: string) => call("POST", "-/acl", { body, headers: { "if-match": match } });
  expect((await write("{}", '"older"')).status).toBe(412);
  expect((await write("[]", etag)).status).toBe(400);
  const changed = text.replace('"tag:web"', '"tag:db": [], "tag:web"');
  expect((await write(changed, etag)).status).toBe(200);
  expect((await write(changed, etag)).status).toBe(412);
});

test("a key must be tagged, with tags the policy has; it can be read and deleted once", async () => {
  expect((await createKey(tagged([]))).status).toBe(400);
  expect((await createKey(tagged(["tag:nobody"]))).status).toBe(400);
  expect((await createKey(tagged(["tag:web"]), "text/plain")).status).toBe(400);
  expect((await createKey({ ...tagged(["tag:web"]), expirySeconds: 91 * 86_400 })).status).toBe(400);
  const { status, body } = await createKey(tagged(["tag:web"]));
  expect([status, body["key"]]).toEqual([200, expect.stringMatching(/^tskey-auth-k/)]);
  const read = await call("GET", `-/keys/${body["id"]}`);
  expect(read.body).not.toHaveProperty("key");
  expect((await call("DELETE", `-/keys/${body["id"]}`)).status).toBe(200);
  expect((await call("DELETE", `-/keys/${body["id"]}`)).status).toBe(404);
});
