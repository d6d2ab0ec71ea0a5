import { describe, expect, test } from "vitest";
import { fill, ROUTES } from "../support/described-routes.ts";
import { expectOurHeaders, expectRefusal } from "../support/refusals.ts";
import { newAddress, ORIGIN, send } from "../support/worker-client.ts";

describe("our headers are on", () => {
  test.each(ROUTES.filter(({ operation }) => operation?.["x-access"] === "open"))("$name", async ({ method, path }) => {
    expectOurHeaders(await send(method, fill(path)));
  });

  test.each([
    ["GET", "/"],
    ["GET", "/api/v1/nothing"],
    ["PUT", "/api/auth/me"],
    ["GET", "/.env"],
    ["GET", "/api/v1/connections/%00"],
    ["PATCH", "/api/auth/me"],
  ])("%s %s, which is not there", async (method, path) => {
    const reply = await send(method, path);
    expectOurHeaders(reply);
    expect([401, 404]).toContain(reply.status);
  });

  test("an answer to HEAD", async () => {
    const reply = await send("HEAD", "/health/liveness");
    expectOurHeaders(reply);
    expect([reply.status, reply.text]).toEqual([200, ""]);
  });

  test("a preflight, of our pages and of others", async () => {
    for (const origin of [ORIGIN, "https://evil.example"]) {
      const headers = { origin, "access-control-request-method": "POST" };
      expectOurHeaders(await send("OPTIONS", "/api/auth/login", { headers }));
    }
  });

  test("a body that is too big, and a limit that is met", async () => {
    expectRefusal(
      await send("POST", "/api/auth/login", { body: { email: "x".repeat(70_000) } }),
      413,
      "payload_too_large",
    );
    const address = newAddress();
    const register = () => send("POST", "/api/auth/register", { body: {}, address });
    let reply = await register();
    for (let call = 0; call < 5; call += 1) reply = await register();
    expectRefusal(reply, 429, "rate_limited");
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("and the request id is ours, whatever the caller sends", async () => {
    const mine = "req_00000000000000000000000000000000";
    const { headers } = await send("GET", "/health/liveness", { headers: { "x-request-id": mine } });
    expect(headers.get("x-request-id")).not.toBe(mine);
  });
});
