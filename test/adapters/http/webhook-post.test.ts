import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWebhookPost, type WebhookPostSettings } from "../../../src/adapters/http/webhook-post.ts";

let server: Server;
let address: string;
const seen: { path: string; method: string; headers: IncomingHttpHeaders; body: string }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      const path = request.url ?? "";
      seen.push({ path, method: request.method ?? "", headers: request.headers, body });
      if (path === "/redirect") return response.writeHead(307, { location: "/stolen" }).end();
      if (path === "/busy") return response.writeHead(503, { "retry-after": "7" }).end();
      if (path === "/hang") return;
      if (path === "/reset") return request.socket.destroy();
      if (path === "/endless" || path === "/drip") {
        const chunk = Buffer.alloc(path === "/drip" ? 1 : 16_384);
        const timer = setInterval(() => response.write(chunk), 5);
        return response.on("close", () => clearInterval(timer));
      }
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const post = (path: string, change: Partial<WebhookPostSettings> = {}) =>
  createWebhookPost({
    fetch: (url, init) => fetch(url, init),
    providerOrigins: {},
    publicUrl: "https://aurora.example.com",
    allowLoopback: true,
    ...change,
  })(path.startsWith("/") ? `${address}${path}` : path, { "webhook-id": "msg_1" }, '{"a":1}');

describe("a post", () => {
  test("arrives with its headers, its very text and our name", async () => {
    expect(await post("/hook?a=1")).toEqual({ kind: "answered", status: 204, retryAfter: null });
    expect(seen.at(-1)).toMatchObject({
      ...{ path: "/hook?a=1", method: "POST", body: '{"a":1}' },
      headers: { "webhook-id": "msg_1", "user-agent": "aurora-edge-webhooks" },
    });
  });

  test("is not sent on where the receiver redirects it", async () => {
    expect(await post("/redirect")).toMatchObject({ kind: "answered", status: 307 });
    expect(seen.at(-1)?.path).toBe("/redirect");
  });

  test("brings back what the receiver asks for", async () => {
    expect(await post("/busy")).toEqual({ kind: "answered", status: 503, retryAfter: "7" });
  });

  test.each(["/endless", "/drip"])("is answered by its status, whatever %s body follows", async (path) => {
    expect(await post(path, { timeoutMs: 400 })).toMatchObject({ kind: "answered", status: 200 });
  });

  test("that is not answered in time, or not at all, says so and nothing else", async () => {
    expect(await post("/hang", { timeoutMs: 100 })).toEqual({ kind: "unanswered", reason: "timeout" });
    expect(await post("/reset")).toEqual({ kind: "unanswered", reason: "unreachable" });
  });

  test.each([
    "http://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://metadata.google.internal/",
    "https://127.0.0.1.nip.io/",
    "https://aurora.example.com/api",
    "http://hooks.example.com/",
    "no address",
  ])("to %s is refused before anything is sent", async (url) => {
    const never = () => Promise.reject(new Error("must not be called"));
    expect(await post(url, { fetch: never })).toEqual({ kind: "unanswered", reason: "refused" });
  });

  test("to this machine is refused unless the operator allowed it", async () => {
    expect(await post("/hook", { allowLoopback: false })).toEqual({ kind: "unanswered", reason: "refused" });
  });

  test("goes where its origin is played, outside production", async () => {
    const providerOrigins = { "https://hooks.example.com": `${address}/played` };
    const answer = await post("https://hooks.example.com/a", { providerOrigins, allowLoopback: false });
    expect([answer.kind, seen.at(-1)?.path]).toEqual(["answered", "/played/a"]);
  });
});
