import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createUpstreamStream } from "../../../src/adapters/http/upstream-stream.ts";
import type { StreamedRequest } from "../../../src/domain/ports/upstream.ts";

const request = (url: string, more: Partial<StreamedRequest> = {}): StreamedRequest => ({
  ...{ method: "GET", url, headers: new Headers({ authorization: "Bearer t" }), body: null, bodyBytes: null },
  ...more,
});

function createWay(answer: (init: RequestInit) => Promise<Response> = async () => new Response("fine")) {
  const sent: [string, RequestInit][] = [];
  const stream = createUpstreamStream({
    fetch: (url, init) => {
      sent.push([url, init]);
      return answer(init);
    },
    providerOrigins: { "https://played.example": "http://127.0.0.1:9/played.example" },
    publicUrl: "https://aurora.example.com",
    trustedOrigins: ["http://127.0.0.1:7"],
  });
  return { stream, sent };
}

describe("a request that is passed on", () => {
  test("goes where it says, as it says, and follows no redirect", async () => {
    const { stream, sent } = createWay(async () => new Response(null, { status: 302, headers: { location: "/x" } }));
    const long = `https://api.provider.com/a%2Fb//c?q=${"x".repeat(5000)}`;
    expect((await stream(request(long))).status).toBe(302);
    expect(sent[0]?.[0]).toBe(long);
    expect(sent[0]?.[1]).toMatchObject({ method: "GET", redirect: "manual" });
  });

  test("goes to the stand-in of a provider that is played, and to the operator's own servers", async () => {
    const { stream, sent } = createWay();
    await stream(request("https://played.example/v1/a%2Fb?x=1"));
    await stream(request("http://127.0.0.1:7/v1"));
    expect(sent.map(([url]) => url)).toEqual([
      "http://127.0.0.1:9/played.example/v1/a%2Fb?x=1",
      "http://127.0.0.1:7/v1",
    ]);
  });

  test.each([
    ...["http://api.provider.com/", "https://169.254.169.254/latest", "https://127.0.0.1/", "https://2130706433/"],
    ...["https://[::1]/", "https://[::ffff:7f00:1]/", "https://localhost/", "https://metadata.internal/"],
    ...[
      "https://aurora.example.com/api",
      "https://sub.aurora.example.com/",
      "https://10.0.0.1:8443/",
      "https://a.com:22/",
    ],
    ...["http://127.0.0.1:9/played.example/", "https://127.0.0.1.nip.io/", "https://ada:word@api.provider.com/"],
  ])("goes not to %s", async (url) => {
    const { stream, sent } = createWay();
    await expect(stream(request(url))).rejects.toMatchObject({ code: "invalid_request" });
    expect(sent).toEqual([]);
  });

  test.each<[string, () => Promise<Response>]>([
    ["breaks off", () => Promise.reject(new Error("secret: Network connection lost."))],
    ["answers no status there is", async () => ({ status: 999 }) as Response],
  ])("to a provider that %s is its outage, in words that quote nothing", async (_, answer) => {
    const { stream } = createWay(answer);
    const refusal = await stream(request("https://api.provider.com/?secret")).catch((error) => error);
    expect(refusal).toMatchObject({ code: "provider_unavailable" });
    expect(JSON.stringify([refusal.message, refusal.cause])).not.toContain("secret");
  });
});

describe("the provider", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const never = () => new Promise<Response>(() => {});

  test("has 30 seconds to begin its answer", async () => {
    const { stream, sent } = createWay(never);
    const refusal = stream(request("https://api.provider.com/")).catch((error) => error);
    await vi.advanceTimersByTimeAsync(29_999);
    expect(sent[0]?.[1].signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await refusal).toMatchObject({ code: "provider_unavailable", message: expect.stringContaining("too long") });
    expect(sent[0]?.[1].signal?.aborted).toBe(true);
  });

  test("has them from the last piece of an upload on", async () => {
    const { stream, sent } = createWay(async (init) => {
      for await (const _ of init.body as unknown as AsyncIterable<Uint8Array>) {
        // Taken as it comes.
      }
      return new Response("fine");
    });
    let source: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        source = controller;
      },
    });
    const answer = stream(request("https://api.provider.com/", { method: "POST", body }));
    for (let piece = 0; piece < 4; piece += 1) {
      await vi.advanceTimersByTimeAsync(20_000);
      source?.enqueue(new Uint8Array(10));
    }
    source?.close();
    expect((await answer).status).toBe(200);
    expect(sent[0]?.[1].signal?.aborted).toBe(false);
  });

  test("may take as long as it likes once it has begun", async () => {
    const { stream, sent } = createWay();
    await stream(request("https://api.provider.com/"));
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(sent[0]?.[1].signal?.aborted).toBe(false);
  });
});
