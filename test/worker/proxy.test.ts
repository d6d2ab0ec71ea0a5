import { beforeAll, describe, expect, test } from "vitest";
import { createBrowser } from "../support/worker-browser.ts";
import {
  bearer,
  connectGrafana,
  cookie,
  newAddress,
  newColleague,
  newKey,
  newPerson,
  ORIGIN,
  type Person,
  readAudit,
  requireStatus,
  send,
  steer,
  worker,
} from "../support/worker-client.ts";

const OURS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-xss-protection": "1; mode=block",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
  "content-security-policy": "sandbox; default-src 'none'",
};

let admin: Person;
/** A consent at the demo provider: rotating tokens, and an API that echoes. */
let demo: string;
const proxy = (rest: string, connection = demo) => `/api/v1/proxy/${connection}${rest}`;
const get = (rest: string, headers: Record<string, string> = {}) =>
  send("GET", proxy(rest), { headers: { ...bearer(admin.token), ...headers } });

async function consent(person: Person): Promise<string> {
  const { body } = requireStatus(await person.call("POST", "/api/v1/providers/demo/authorize", {}), 200);
  const browser = createBrowser(person.token);
  const end = await browser.open(await browser.decide(body.login_url), (url) => url.searchParams.has("connection"));
  const connection = end.url.searchParams.get("connection");
  if (connection === null) throw new Error(`no connection: ${end.status} ${end.url.href}`);
  return connection;
}

beforeAll(async () => {
  admin = await newPerson();
  demo = await consent(admin);
});

describe("a call through the proxy", () => {
  test("reaches the provider with the credential, and the caller never has it", async () => {
    const reply = await get("/v1/me");
    expect([reply.status, reply.body.email]).toEqual([200, expect.stringContaining("@")]);
    const echo = await get("/v1/echo");
    expect(echo.body.headers.authorization).toMatch(/^Bearer demo_at_/);
    for (const [name, value] of Object.entries(OURS)) expect(reply.headers.get(name), name).toBe(value);
    expect(reply.headers.get("x-upstream-status")).toBe("200");
    expect(reply.headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
    expect(reply.headers.get("ratelimit-limit")).toBe("600");
  });

  test.each(["GET", "POST", "PUT", "PATCH", "DELETE"])("may be a %s", async (method) => {
    const body = method === "GET" ? {} : { raw: "body" };
    const reply = await send(method, proxy("/v1/echo/a"), { headers: bearer(admin.token), ...body });
    expect(reply.body).toMatchObject({ method, path: "/v1/echo/a", bytes: method === "GET" ? 0 : 4 });
  });

  test("may be a HEAD, which is sent on as one", async () => {
    const reply = await send("HEAD", proxy("/v1/echo?status=404"), { headers: bearer(admin.token) });
    expect([reply.status, reply.headers.get("x-upstream-status"), reply.text]).toEqual([404, "404", ""]);
  });

  test("may be an agent's, a key's, or a colleague's who is shown the connection", async () => {
    const owner = await newPerson();
    const shared = await consent(owner);
    const hidden = (await connectGrafana(owner)).body.id;
    requireStatus(await owner.call("PATCH", `/api/v1/connections/${shared}`, { shared: true }), 200);
    const agent = (await owner.call("POST", "/api/kubectl/tokens", { cluster_name: "c" })).body;
    const key = await newKey(owner);
    const analyst = await newColleague(owner, "analyst");
    for (const headers of [bearer(agent.token), { "x-api-key": key.secret }, bearer(analyst.token)]) {
      expect((await send("GET", proxy("/v1/echo", shared), { headers })).status).toBe(200);
      expect((await send("GET", proxy("/api/org", hidden), { headers })).status).toBe(404);
    }
    const calls = await readAudit(owner, "proxy.called");
    expect(calls.map(({ actor, resource, detail }) => ({ actor, resource, detail }))).toEqual(
      [
        { type: "kubectl_token", id: agent.id },
        { type: "api_key", id: key.id },
        { type: "user", id: analyst.id },
      ].map((actor) => ({
        ...{ actor, resource: { type: "connection", id: shared, provider: "demo" } },
        detail: { host: "demo-idp.example", method: "GET" },
      })),
    );
    expect(JSON.stringify(calls)).not.toMatch(/echo|demo_at_/);
    expect(await readAudit(owner, "token.read")).toEqual([]);
  });

  test("keeps the path and the query as they were written", async () => {
    const search = "?x=1&x=2&y=%2e%2e%2F..&z=a+b&e&&s=%20";
    expect((await get(`/v1/echo/a%2Fb//c%20d${search}`)).body).toMatchObject({ path: "/v1/echo/a%2Fb//c%20d", search });
  });

  test("carries no credential of the caller's, nothing of ours, and nothing of the way here", async () => {
    const { body } = await get("/v1/echo", {
      ...{ "x-user-id": admin.id, forwarded: "for=1.1.1.1", "x-forwarded-for": "1.1.1.1", "x-forwarded-host": "evil" },
      ...{ "cf-ipcountry": "XX", "x-real-ip": "1.1.1.1", "x-org-id": "o", "x-role": "admin", te: "trailers" },
      ...{ connection: "x-hop", "x-hop": "1", "x-kept": "2", accept: "text/plain", "user-agent": "mine/1" },
    });
    const names = Object.keys(body.headers);
    expect(body.headers).toMatchObject({ "x-kept": "2", accept: "text/plain", "user-agent": "mine/1" });
    // Workers add CF-Worker to whatever they send.
    const wrong =
      /^(x-user-id|x-api-key|cookie|forwarded|x-forwarded-.*|cf-(?!worker).*|x-real-ip|x-org-id|x-role|te|x-hop|mf-.*)$/;
    expect(names.filter((name) => wrong.test(name))).toEqual([]);
    expect(JSON.stringify(body.headers)).not.toContain(admin.token);
    const both = await send("GET", proxy("/v1/echo"), { headers: { ...bearer(admin.token), ...cookie(admin.token) } });
    expect(both.body.headers).not.toHaveProperty("cookie");
  });

  test("passes nothing back that would act on our own origin", async () => {
    const { headers } = await get("/v1/echo");
    for (const name of ["set-cookie", "access-control-allow-origin", "access-control-allow-credentials", "link", "nel"])
      expect(headers.has(name), name).toBe(false);
    for (const name of ["clear-site-data", "service-worker-allowed", "refresh", "alt-svc", "report-to", "x-hop"])
      expect(headers.has(name), name).toBe(false);
    for (const [name, value] of Object.entries(OURS)) expect(headers.get(name), name).toBe(value);
    expect([headers.get("x-upstream-status"), headers.get("x-kept")]).toEqual(["200", "yes"]);
    expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
  });

  test("gets a redirect as it is", async () => {
    const { status, headers } = await get("/v1/echo?status=302&location=https%3A%2F%2Fevil.example%2F");
    expect([status, headers.get("location"), headers.get("x-upstream-status")]).toEqual([
      ...[302, "https://evil.example/", "302"],
    ]);
  });

  test.each([204, 304, 400, 403, 404, 429, 500, 503])("gets a %i as it is", async (status) => {
    const reply = await get(`/v1/echo?status=${status}`);
    expect([reply.status, reply.headers.get("x-upstream-status")]).toEqual([status, String(status)]);
  });

  test("brings bodies of any length there and back", async () => {
    const big = new Uint8Array(900_000).fill(120);
    const digest = [...new Uint8Array(await crypto.subtle.digest("SHA-256", big))];
    const sha256 = digest.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const headers = { ...bearer(admin.token), "content-type": "application/octet-stream" };
    const there = await send("POST", proxy("/v1/echo"), { headers, raw: big });
    expect(there.body).toMatchObject({ bytes: big.length, sha256 });
    const pieces = new Blob([big]).stream();
    const streamed = await send("PUT", proxy("/v1/echo"), { headers, raw: pieces });
    expect(streamed.body).toMatchObject({ bytes: big.length, sha256 });
    const back = await get("/v1/echo?bytes=3000000");
    expect([back.status, back.text.length]).toEqual([200, 3_000_000]);
  });

  test("takes a body that is no JSON, whatever it says it is", async () => {
    const headers = { ...bearer(admin.token), "content-type": "application/json" };
    expect((await send("POST", proxy("/v1/echo"), { headers, raw: "{not json" })).body.bytes).toBe(9);
  });

  test("answers while the provider is still sending", async () => {
    const request = new Request(`${ORIGIN}${proxy("/v1/echo?bytes=20000000")}`, {
      headers: { ...bearer(admin.token), "cf-connecting-ip": newAddress() },
    });
    const response = await worker.fetch(request);
    const reader = response.body?.getReader();
    expect((await reader?.read())?.value?.byteLength).toBeLessThan(20_000_000);
    await reader?.cancel();
  });
});

describe("a token the provider refuses", () => {
  test("is renewed once, and the call repeated", async () => {
    const before = (await admin.call("GET", `/api/v1/connections/${demo}/token`)).body;
    // Of all test files only this one calls the demo provider's API.
    await steer("sandbox", "/_faults", { provider: "demo", endpoint: "api", kind: "status", status: 401, times: 1 });
    const reply = await get("/v1/echo");
    expect([reply.status, reply.headers.get("x-upstream-status")]).toEqual([200, "200"]);
    const after = (await admin.call("GET", `/api/v1/connections/${demo}/token`)).body;
    expect(after.version).toBe(before.version + 1);
    expect(reply.body.headers.authorization).toBe(`Bearer ${after.token_data.access_token}`);
  });
});

describe("the proxy refuses", () => {
  test("a cookie alone, whoever is signed in", async () => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
      const reply = await send(method, proxy("/v1/echo"), { headers: cookie(admin.token) });
      expect(reply).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
      expect(reply.headers.has("x-upstream-status")).toBe(false);
    }
  });

  test("whoever may not read tokens, and whoever is not shown the connection", async () => {
    const viewer = await newColleague(admin, "viewer");
    const writer = await newKey(admin, ["connections:write"]);
    const stranger = await newPerson();
    for (const [headers, status] of [
      [bearer(viewer.token), 403],
      [{ "x-api-key": writer.secret }, 403],
      [bearer(stranger.token), 404],
      [{}, 401],
      [bearer("nonsense"), 401],
    ] as const) {
      const reply = await send("GET", proxy("/v1/echo"), { headers });
      expect([reply.status, reply.headers.has("x-upstream-status")]).toEqual([status, false]);
    }
  });

  test.each([
    ...["/v1/..%2fecho", "/v1/%2e%2e%2fecho", "/v1/echo%5c..%5cx", "/v1/%252e%252e/echo", "/v1/..;/echo"],
    ...["/v1/%c0%ae%c0%ae/echo", "/v1/echo/.%00./x", "/v1/echo/..%2f"],
  ])("the dot segment in %j", async (rest) => {
    const reply = await get(rest);
    expect(reply).toMatchObject({ status: 400, body: { code: "invalid_request" } });
    expect(reply.headers.has("x-upstream-status")).toBe(false);
    expect(reply.headers.get("content-security-policy")).not.toContain("sandbox");
  });

  test.each(["", "evil.example", "DEMO-IDP.example", "demo-idp.example:443", "demo-idp.example.", "127.0.0.1"])(
    "the host %j",
    async (host) => {
      expect(await get("/v1/echo", { "x-proxy-host": host })).toMatchObject({
        ...{ status: 400, body: { code: "invalid_request" } },
      });
    },
  );

  test("a WebSocket", async () => {
    const headers = { ...bearer(admin.token), upgrade: "websocket", "cf-connecting-ip": newAddress() };
    const response = await worker.fetch(new Request(`${ORIGIN}${proxy("/v1/echo")}`, { headers }));
    expect(response.status).toBe(400);
  });

  test("methods it does not know", async () => {
    expect((await send("PROPFIND", proxy("/v1/echo"), { headers: bearer(admin.token) })).status).toBe(404);
    const preflight = await send("OPTIONS", proxy("/v1/echo"), { headers: { origin: "https://evil.example" } });
    expect(preflight.headers.has("access-control-allow-origin")).toBe(false);
  });

  test("an id that is none, and one that is gone", async () => {
    for (const id of ["nonsense", "..%2f..%2fusers", `con_${"0".repeat(32)}`]) {
      const reply = await send("GET", proxy("/v1/echo", id), { headers: bearer(admin.token) });
      expect(reply).toMatchObject({ status: 404, body: { code: "not_found" } });
    }
    const gone = await consent(await newPerson());
    expect((await send("GET", proxy("/v1/me", gone), { headers: bearer(admin.token) })).status).toBe(404);
  });
});

test("a user's own installation is called at its own address", async () => {
  const person = await newPerson();
  const { id } = (await connectGrafana(person)).body;
  const reply = await send("GET", proxy("/api/org", id), { headers: bearer(person.token) });
  expect(reply).toMatchObject({ status: 200, body: { name: "Sandbox Org" } });
});
