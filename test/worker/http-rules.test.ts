import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  bearer,
  connectGrafana,
  newAddress,
  newKey,
  newPerson,
  ORIGIN,
  type Person,
  type Reply,
  requireStatus,
  send,
} from "../support/worker-client.ts";

const LOGIN = "/api/auth/login";
const JSON_TYPE = { "content-type": "application/json" };

// The first call loads the Worker, which is no test's business.
beforeAll(async () => {
  await send("GET", "/health/liveness");
});

describe("CORS", () => {
  const preflight = (origin: string) =>
    send("OPTIONS", LOGIN, {
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
    });

  test("lets the frontend's pages call us with their cookie, by the methods and headers of the contract", async () => {
    const { status, headers } = await preflight(ORIGIN);
    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(headers.get("access-control-allow-credentials")).toBe("true");
    expect(listOf(headers, "access-control-allow-methods")).toEqual(listOf("DELETE,GET,OPTIONS,PATCH,POST,PUT"));
    expect(listOf(headers, "access-control-allow-headers")).toEqual(
      listOf("Authorization,Content-Type,X-API-Key,X-Provider,X-User-ID"),
    );
    expect(headers.get("vary")).toMatch(/origin/i);
  });

  test("is told to the frontend on answers and on refusals", async () => {
    for (const path of ["/health/liveness", "/api/auth/me", "/nothing"]) {
      const { headers } = await send("GET", path, { headers: { origin: ORIGIN } });
      expect(headers.get("access-control-allow-origin")).toBe(ORIGIN);
    }
  });

  test.each([
    ...["https://evil.example", "null", "", `${ORIGIN}.evil.example`, `${ORIGIN}/`, "http://127.0.0.1:8788"],
    ...["https://127.0.0.1:8787", "http://localhost:8787", "*", ORIGIN.toUpperCase()],
  ])("lets nobody in from %j", async (origin) => {
    for (const reply of [await preflight(origin), await send("GET", "/health/liveness", { headers: { origin } })]) {
      expect(reply.headers.get("access-control-allow-origin")).toBeNull();
    }
  });
});

describe("a body", () => {
  let ada: Person;
  beforeAll(async () => {
    ada = await newPerson();
  });

  test("that is absent counts as {} where every field is optional, with and without a content type", async () => {
    const connection = (await connectGrafana(ada)).body.id;
    const optional: readonly (readonly [string, () => Promise<string>])[] = [
      ["refresh", async () => `/api/v1/connections/${connection}/refresh`],
      ["authorize", async () => "/api/v1/providers/demo/authorize"],
      ["rotate", async () => `/api/v1/auth/api-keys/${(await newKey(ada)).id}/rotate`],
      ["gcp", async () => "/gcp/login"],
    ];
    for (const [name, path] of optional) {
      for (const headers of [{}, JSON_TYPE]) {
        const reply = await send("POST", await path(), { headers: { ...bearer(ada.token), ...headers } });
        expect(reply.status, name).toBeOneOf([200, 201]);
      }
    }
  });

  test("that is absent is a wrong shape where a field is needed", async () => {
    const reply = await send("POST", LOGIN);
    expect(reply).toMatchObject({ status: 400, body: { code: "invalid_request" } });
    expect(reply.body.details.map(({ path }: { path: string }) => path)).toContain("email");
  });

  test("is taken with a charset of UTF-8, in any case", async () => {
    for (const type of ['application/json; charset="utf-8"', "application/JSON;charset=UTF-8"]) {
      const raw = JSON.stringify({ email: "nobody@example.com", password: "wrong password" });
      expect((await send("POST", LOGIN, { raw, headers: { "content-type": type } })).status).toBe(401);
    }
  });

  test("of 64 KiB is read, and one byte more is too large, announced or in pieces", async () => {
    const fits = `{"email": "${"x".repeat(64 * 1024 - 13)}"}`;
    expect(new TextEncoder().encode(fits)).toHaveLength(64 * 1024);
    expect((await send("POST", LOGIN, { raw: fits, headers: JSON_TYPE })).status).toBe(400);
    for (const raw of [`${fits} `, inPieces(`${fits} `), inPieces("x".repeat(1_000_000))]) {
      const reply = await send("POST", LOGIN, { raw, headers: JSON_TYPE });
      expect(reply).toMatchObject({ status: 413, body: { code: "payload_too_large" } });
    }
  });

  test("that is deep, or holds strange keys, breaks nothing", async () => {
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    for (const raw of [deep, `{"email": ${deep}}`, '{"constructor": {}, "toString": 1}', '"text"', "1e999", "\u0000"]) {
      expect((await send("POST", LOGIN, { raw, headers: JSON_TYPE })).status).toBe(400);
    }
  });
});

describe("limits", () => {
  const count = async (calls: readonly Promise<{ status: number }>[], status: number) =>
    (await Promise.all(calls)).filter((reply) => reply.status === status).length;

  test("allow a principal 100 calls a minute, exactly, and say what is left", async () => {
    const key = await newKey(await newPerson());
    const first = await key.call("GET", "/api/auth/me");
    expect(first.headers.get("ratelimit-limit")).toBe("100");
    expect(Number(first.headers.get("ratelimit-remaining"))).toBeLessThan(100);
    expect(Number(first.headers.get("ratelimit-reset"))).toBeLessThanOrEqual(60);
    const calls = Array.from({ length: 110 }, () => key.call("GET", "/api/auth/me"));
    expect(await count(calls, 200)).toBe(99);
    const refused = await key.call("GET", "/api/auth/me");
    expect(refused).toMatchObject({ status: 429, body: { code: "rate_limited" } });
    expect(refused.headers.get("ratelimit-remaining")).toBe("0");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    // Buckets are separate: tokens are still read.
    expect((await key.call("GET", "/api/v1/tokens?provider=gcp")).status).toBe(404);
  });

  test("allow ten connects a minute, and refuse before the provider is asked", async () => {
    const ada = await newPerson();
    const connect = () => ada.call("POST", "/api/v1/providers/grafana/connect", {});
    const calls = Array.from({ length: 12 }, connect);
    expect([await count(calls, 400), (await connect()).status]).toEqual([10, 429]);
  });

  test("allow an address 300 calls a minute of nobody known, without its neighbours or health", async () => {
    const address = newAddress();
    const calls = Array.from({ length: 310 }, () => send("GET", "/api/auth/me", { address }));
    expect(await count(calls, 401)).toBe(300);
    expect((await send("GET", "/health/liveness", { address })).status).toBe(200);
    expect((await send("GET", "/api/auth/me")).status).toBe(401);
  });

  test("count an IPv6 household as one, and by nothing a caller can write", async () => {
    const register = (host: number) =>
      send("POST", "/api/auth/register", {
        body: {},
        address: `2001:db8:77:${host < 6 ? 1 : 2}::${host}`,
        headers: {
          "x-forwarded-for": `192.0.2.${host}`,
          forwarded: `for=192.0.2.${host}`,
          "true-client-ip": `${host}`,
        },
      });
    const statuses: number[] = [];
    for (let host = 0; host < 7; host += 1) statuses.push((await register(host)).status);
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429, 400]);
  });

  test("are told to whoever met them, and to the audit of their workspace", async () => {
    const ada = await newPerson();
    const key = await newKey(ada);
    await Promise.all(Array.from({ length: 12 }, () => key.call("POST", "/api/auth/change-password", {})));
    const events = requireStatus(await ada.call("GET", "/api/v1/audit?action=limit.exceeded"), 200).body.events;
    expect(events[0]).toMatchObject({ outcome: "failure", actor: { type: "api_key", id: key.id } });
  });
});

describe("pages", () => {
  test.each(["/docs", "/signin", "/connected?login=demo_success"])("%s loads nothing from elsewhere", async (path) => {
    const { status, headers, text } = await send("GET", path);
    expect([status, headers.get("content-type")]).toEqual([200, expect.stringMatching(/^text\/html/)]);
    expect(headers.get("content-security-policy")).toMatch(/default-src 'none'/);
    expect(text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });

  test("show what they were given as text, and go on to our own pages only", async () => {
    const attack = encodeURIComponent('"><script>alert(1)</script>');
    for (const path of [`/connected?login=${attack}&error=${attack}`, `/signin?return_to=${attack}`]) {
      expect((await send("GET", path)).text).not.toContain("<script>alert");
    }
    for (const target of ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]) {
      expect((await send("GET", `/signin?return_to=${encodeURIComponent(target)}`)).text).not.toMatch(/evil|alert/);
    }
  });
});

describe("a refusal at one of the pages", () => {
  const HTML = { accept: "text/html,application/xhtml+xml" };
  const FORM = { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" };

  test("is a page for a person: a wrong form, a link nobody made, too many tries", async () => {
    const wrong = await send("POST", "/signin", { raw: "email=a%40example.com", headers: { ...HTML, ...FORM } });
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining("<h1>Not signed in</h1>")]);
    const link = await send("GET", "/connect/nobody", { headers: HTML });
    expect([link.status, link.text]).toEqual([400, expect.stringContaining("<h1>Not connected</h1>")]);
    const address = newAddress();
    let limited: Reply | null = null;
    for (let count = 0; limited?.status !== 429; count++) {
      const raw = `email=a${count}%40example.com&password=x`;
      limited = await send("POST", "/signin", { raw, headers: { ...HTML, ...FORM }, address });
      expect(limited.text).toContain(limited.status === 429 ? "<h1>Not signed in</h1>" : "is wrong");
    }
    expect(limited?.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(limited?.text).toContain(limited?.headers.get("x-request-id"));
  });

  test("is the error body for anybody else, and wherever no page is", async () => {
    const wrong = await send("POST", "/signin", { raw: "email=a%40example.com", headers: FORM });
    expect([wrong.status, wrong.body.code]).toEqual([400, "invalid_request"]);
    const me = await send("GET", "/api/auth/me", { headers: HTML });
    expect([me.status, me.body.code]).toEqual([401, "unauthenticated"]);
  });
});

test("zod compiles no parsers here: Cloudflare forbids it in production", () => {
  expect(navigator.userAgent).toContain("Cloudflare");
  expect(z.core.util.allowsEval.value).toBe(false);
});

function listOf(source: Headers | string, name = ""): readonly string[] {
  const text = typeof source === "string" ? source : (source.get(name) ?? "");
  return text
    .split(",")
    .map((part) => part.trim().toLowerCase())
    .sort();
}

function inPieces(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 10_000) controller.enqueue(bytes.slice(at, at + 10_000));
      controller.close();
    },
  });
}
