import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rewriteForBrowser } from "../../src/adapters/http/find-target.ts";
import { createUpstream, type UpstreamSettings } from "../../src/adapters/http.ts";

const REAL = "https://api.example.com";
let server: Server;
let address: string;
const seen: { url: string; method: string; headers: Record<string, unknown>; body: string }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      seen.push({ url: request.url ?? "", method: request.method ?? "", headers: request.headers, body });
      const path = new URL(request.url ?? "", "http://x").pathname.split("/").at(-1);
      if (path === "redirect") return response.writeHead(302, { location: "http://127.0.0.1:1/stolen" }).end();
      if (path === "nothing") return response.writeHead(204).end();
      if (path === "gzip") return response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync('{"a":1}'));
      if (path === "bomb")
        return response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(5_000_000)));
      if (path === "edge") return response.end(Buffer.alloc(64 * 1024, "x"));
      if (path === "over") return response.end(Buffer.alloc(64 * 1024 + 1, "x"));
      if (path === "endless") {
        const timer = setInterval(() => response.write(Buffer.alloc(16_384)), 1);
        return response.on("close", () => clearInterval(timer));
      }
      if (path === "drip") {
        const timer = setInterval(() => response.write("x"), 20);
        return response.on("close", () => clearInterval(timer));
      }
      if (path === "hang") return;
      if (path === "reset") return request.socket.destroy();
      response.writeHead(200, { "content-type": "application/json", "x-kept": "yes" }).end('{"ok":true}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function upstream(overrides: Partial<UpstreamSettings> = {}) {
  return createUpstream({
    fetch: (url, init) => fetch(url, init),
    providerOrigins: { [REAL]: `${address}/api.example.com` },
    publicUrl: "https://aurora.example.com",
    ...overrides,
  });
}
const get = (path: string, timeoutMs?: number) =>
  upstream()(new Request(`${REAL}${path}`), timeoutMs === undefined ? {} : { timeoutMs });

describe("where a request goes", () => {
  test("an origin that is played elsewhere keeps its path, query, method, headers and body", async () => {
    const answer = await upstream()(
      new Request(`${REAL}/v1/x%2Fy?a=1&b=%20`, {
        method: "POST",
        body: "a=b",
        headers: { authorization: "AWS4-HMAC-SHA256 x", "x-amz-date": "d" },
      }),
    );
    expect(await answer.json()).toEqual({ ok: true });
    expect(seen.at(-1)).toMatchObject({
      url: "/api.example.com/v1/x%2Fy?a=1&b=%20",
      method: "POST",
      body: "a=b",
      headers: { authorization: "AWS4-HMAC-SHA256 x", "x-amz-date": "d", "content-length": "3" },
    });
  });

  test("only the exact origin is played elsewhere: another port, scheme or a longer host goes nowhere near it", async () => {
    const called: string[] = [];
    const record = async (url: string) => {
      called.push(url);
      return new Response("{}");
    };
    const send = upstream({ fetch: record });
    await send(new Request("https://api.example.com.evil.org/"));
    await send(new Request("https://api.example.com:8443/"));
    expect(called).toEqual(["https://api.example.com.evil.org/", "https://api.example.com:8443/"]);
    await expect(send(new Request("http://api.example.com/"))).rejects.toMatchObject({ code: "invalid_request" });
  });

  test.each([
    "http://127.0.0.1:9/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://localhost/",
    "https://aurora.example.com/api",
  ])("%s is refused before anything is sent", async (url) => {
    const send = upstream({ fetch: () => Promise.reject(new Error("must not be called")) });
    await expect(send(new Request(url))).rejects.toMatchObject({ code: "invalid_request" });
  });

  test("the operator's own origins may be plain http and local where they are trusted", async () => {
    const send = upstream({ trustedOrigins: [address] });
    expect((await send(new Request(`${address}/token`))).status).toBe(200);
    await expect(upstream()(new Request(`${address}/token`))).rejects.toMatchObject({ code: "invalid_request" });
  });

  test("a browser is sent through the same map", () => {
    const origins = { [REAL]: "http://127.0.0.1:9000/api.example.com/" };
    expect(rewriteForBrowser(new URL(`${REAL}/auth?state=x#y`), origins).href).toBe(
      "http://127.0.0.1:9000/api.example.com/auth?state=x#y",
    );
    expect(rewriteForBrowser(new URL("https://other.example.com/auth"), origins).href).toBe(
      "https://other.example.com/auth",
    );
  });

  test("names every object has are not origins", () => {
    expect(rewriteForBrowser(new URL("blob:constructor"), {}).href).toBe("blob:constructor");
  });
});

describe("what comes back", () => {
  test("a redirect is returned, not followed", async () => {
    const answer = await get("/redirect");
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "http://127.0.0.1:1/stolen"]);
  });

  test("an answer without a body is one", async () => {
    expect((await get("/nothing")).status).toBe(204);
  });

  test("a compressed answer is handed on decoded, without the headers of the wire", async () => {
    const answer = await get("/gzip");
    expect(await answer.json()).toEqual({ a: 1 });
    expect(answer.headers.get("content-encoding")).toBeNull();
  });

  test("exactly 64 KiB is taken", async () => {
    expect((await (await get("/edge")).text()).length).toBe(64 * 1024);
  });

  test.each(["/over", "/bomb", "/endless"])("%s: more than 64 KiB is refused", async (path) => {
    await expect(get(path)).rejects.toMatchObject({
      code: "provider_unavailable",
      message: "The provider's answer was too large.",
    });
  });

  test.each(["/hang", "/drip"])("%s: the deadline covers the body", async (path) => {
    await expect(get(path, 200)).rejects.toMatchObject({
      code: "provider_unavailable",
      message: "The provider took too long to answer.",
    });
  });

  test("a transport that ignores the deadline cannot hold the caller", async () => {
    const send = upstream({ fetch: () => new Promise(() => {}) });
    await expect(send(new Request(REAL), { timeoutMs: 50 })).rejects.toMatchObject({ code: "provider_unavailable" });
  });

  test("a connection that breaks is no answer, and its cause is not told", async () => {
    const failure = await get("/reset").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "provider_unavailable", message: "The provider could not be reached." });
    expect((failure as Error).cause).toBeUndefined();
  });

  test("every request is sent with redirects left to us and a name to tell who asks", async () => {
    let init: RequestInit | undefined;
    const record = async (_url: string, given: RequestInit) => {
      init = given;
      return new Response();
    };
    await upstream({ fetch: record })(new Request(REAL));
    expect(init?.redirect).toBe("manual");
    expect(new Headers(init?.headers).get("user-agent")).toBe("aurora-edge");
  });
});
