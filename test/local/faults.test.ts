import { createServer, type Server } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { applyFault, createFaults, type Fault } from "../../local/faults.ts";

describe("taking faults", () => {
  test("a fault without a count spoils one call", () => {
    const faults = createFaults();
    faults.add({ kind: "html" });
    expect(faults.take("token")?.kind).toBe("html");
    expect(faults.take("token")).toBeNull();
  });

  test("a counted fault spoils that many calls", () => {
    const faults = createFaults();
    faults.add({ kind: "status", status: 429, times: 2 });
    expect([faults.take("a")?.status, faults.take("b")?.status, faults.take("c")]).toEqual([429, 429, null]);
  });

  test("a timed fault spoils every call until its seconds are over", () => {
    let nowMs = 0;
    const faults = createFaults(() => nowMs);
    faults.add({ kind: "hang", seconds: 2 });
    nowMs = 1999;
    expect([faults.take("a"), faults.take("a")]).not.toContain(null);
    nowMs = 2000;
    expect(faults.take("a")).toBeNull();
  });

  test("a fault of another endpoint or provider leaves the call alone", () => {
    const faults = createFaults();
    faults.add({ kind: "status", endpoint: "token", provider: "gcp" });
    expect(faults.take("api", "gcp")).toBeNull();
    expect(faults.take("token", "aws")).toBeNull();
    expect(faults.take("token", "gcp")).not.toBeNull();
  });

  test("a stand-in without providers ignores the provider", () => {
    const faults = createFaults();
    faults.add({ kind: "status", provider: "gcp" });
    expect(faults.take("sql")).not.toBeNull();
  });

  test("clearing forgets every fault", () => {
    const faults = createFaults();
    faults.add({ kind: "hang", times: 5 });
    faults.clear();
    expect(faults.take("sql")).toBeNull();
  });

  test.each([
    ["no object", null],
    ["a list", []],
    ["no kind", {}],
    ["an unknown kind", { kind: "explode" }],
    ["an unknown field", { kind: "hang", time: 1 }],
    ["a count of zero", { kind: "hang", times: 0 }],
    ["a count that is text", { kind: "hang", times: "1" }],
    ["an impossible status", { kind: "status", status: 99 }],
    ["an endpoint that is no text", { kind: "hang", endpoint: 1 }],
    ["a negative delay", { kind: "delay", ms: -1 }],
  ])("%s is refused in words", (_what, raw) => {
    expect(() => createFaults().add(raw)).toThrow(/^(A|The) .*fault.*\.$/);
  });
});

describe("playing faults", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function call(fault: Partial<Fault>, commit = async () => {}, signal?: AbortSignal): Promise<Response> {
    const whole: Fault = { kind: "status", provider: null, endpoint: null, status: 503, ms: 1, ...fault };
    const started = createServer(async (_request, response) => {
      if (!(await applyFault(whole, response, commit))) response.end("as usual");
    });
    server = started;
    await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
    const address = started.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return fetch(`http://127.0.0.1:${address.port}/`, { signal: signal ?? null });
  }

  test("a status is answered with an error body", async () => {
    const response = await call({ kind: "status", status: 500 });
    expect([response.status, await response.text()]).toEqual([500, '{"errors":["injected fault"]}']);
  });

  test("a delay goes on as usual", async () => {
    expect(await (await call({ kind: "delay" })).text()).toBe("as usual");
  });

  test("a page is answered where JSON was expected", async () => {
    const response = await call({ kind: "html" });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  });

  test("a huge answer is five megabytes", async () => {
    expect((await (await call({ kind: "huge" })).text()).length).toBeGreaterThan(5_000_000);
  });

  test("a hang never answers", async () => {
    await expect(call({ kind: "hang" }, undefined, AbortSignal.timeout(50))).rejects.toThrow(/timeout/);
  });

  test("a reset does the work and answers nothing", async () => {
    let isDone = false;
    const response = call({ kind: "reset_after_commit" }, async () => {
      isDone = true;
    });
    await expect(response).rejects.toThrow("fetch failed");
    expect(isDone).toBe(true);
  });

  test("a reset answers nothing when the work fails either", async () => {
    const response = call({ kind: "reset_after_commit" }, async () => {
      throw new Error("no");
    });
    await expect(response).rejects.toThrow("fetch failed");
  });
});
