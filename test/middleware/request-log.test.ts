import { Hono } from "hono";
import { expect, test } from "vitest";
import { AppError } from "../../src/domain/errors.ts";
import type { Principal } from "../../src/domain/principal.ts";
import type { AppEnv } from "../../src/middleware/app-env.ts";
import { renderError } from "../../src/middleware/render-error.ts";
import { requestLog } from "../../src/middleware/request-log.ts";
import type { Deps } from "../../src/services/deps.ts";
import { createLogbook } from "../support/fake-logbook.ts";

const PRINCIPAL = { id: "usr_1", email: "ada@example.com", impersonatedBy: null } as unknown as Principal;

function open(principal: Principal | null = null) {
  const log = createLogbook();
  let ms = 1000;
  const app = new Hono<AppEnv>();
  app.onError(renderError);
  app.use(async (c, next) => {
    c.set("deps", { log, nowMs: () => (ms += 7) } as unknown as Deps);
    c.set("requestId", "req_1");
    await next();
  });
  app.use(requestLog);
  app.use(async (c, next) => {
    if (principal !== null) c.set("principal", principal);
    await next();
  });
  app.get("/connect/:ticket", (c) => c.text("here"));
  app.get("/refused", () => {
    throw new AppError("unauthenticated", "Sign in.");
  });
  app.get("/broken", () => {
    throw new Error("a bug that quotes s3cr3t");
  });
  return { app, log };
}

test("a request makes one line: its id, route, status, duration and caller", async () => {
  const { app, log } = open(PRINCIPAL);
  await app.request("/connect/hsk_secret?code=s3cr3t");
  const fields = {
    request_id: "req_1",
    route: "GET /connect/:ticket",
    status: 200,
    duration_ms: 7,
    principal: "usr_1",
  };
  expect(log.lines).toEqual([{ level: "info", message: "request", fields }]);
});

test("the line names a key behind a user, and nobody where nobody is known", async () => {
  const acting = open({ ...PRINCIPAL, impersonatedBy: "key_1" } as Principal);
  await acting.app.request("/connect/a");
  expect(acting.log.lines[0]?.fields).toMatchObject({ principal: "usr_1", via: "key_1" });
  const nobody = open();
  await nobody.app.request("/connect/a");
  expect(nobody.log.lines[0]?.fields).toMatchObject({ principal: null });
});

test.each([
  ["/refused", 401],
  ["/broken", 500],
  ["/nowhere/usr_secret", 404],
])("a request to %s that ends with %i makes a line too, without its path or what failed", async (path, status) => {
  const { app, log } = open();
  await app.request(`${path}?token=s3cr3t`);
  const lines = log.lines.filter(({ message }) => message === "request");
  expect(lines).toMatchObject([{ fields: { status } }]);
  expect(JSON.stringify(log.lines)).not.toMatch(/s3cr3t|usr_secret/);
});
