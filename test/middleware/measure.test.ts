import { Hono } from "hono";
import { expect, test } from "vitest";
import { AppError } from "../../src/domain/errors.ts";
import type { AppEnv } from "../../src/middleware/app-env.ts";
import { measure } from "../../src/middleware/measure.ts";
import { renderError, renderNotFound } from "../../src/middleware/render-error.ts";
import type { Deps } from "../../src/services/deps.ts";
import { createFakeMetrics } from "../support/fake-metrics.ts";

const HTTP = "aurora_http_request_duration_seconds";

function open() {
  const metrics = createFakeMetrics();
  const app = new Hono<AppEnv>();
  app.onError(renderError);
  app.notFound(renderNotFound);
  app.use(async (c, next) => {
    c.set("deps", { metrics, nowMs: () => 1000, log: { error: () => undefined } } as unknown as Deps);
    c.set("requestId", "req_1");
    await next();
  });
  app.use(measure);
  app.use(async (c, next) => {
    if (c.req.header("origin") === "https://evil.example") throw new AppError("forbidden", "Not from there.");
    await next();
  });
  app.get("/users/me", (c) => c.text("static"));
  app.get(
    "/users/:id",
    async (_, next) => next(),
    (c) => c.text("here"),
  );
  app.delete("/users/:id", () => {
    throw new AppError("not_found", "Nothing.");
  });
  app.get("/broken", () => {
    throw new Error("a bug");
  });
  app.get("/moved", (c) => c.redirect("/users/me"));
  return { app, counted: () => metrics.counted(HTTP) };
}

test.each<[string, string, RequestInit, string]>([
  ["a call by its pattern", "/users/usr_1?code=s3cr3t", {}, "GET /users/:id 2xx"],
  ["the route that answers, where more than one would", "/users/me", {}, "GET /users/me 2xx"],
  ["HEAD beside GET", "/users/usr_1", { method: "HEAD" }, "HEAD /users/:id 2xx"],
  ["a refusal of the route", "/users/usr_1", { method: "DELETE" }, "DELETE /users/:id 4xx"],
  ["a refusal before the route", "/users/usr_1", { headers: { origin: "https://evil.example" } }, "GET /users/:id 4xx"],
  ["a bug", "/broken", {}, "GET /broken 5xx"],
  ["a redirect", "/moved", {}, "GET /moved 3xx"],
  ["what no route takes", "/wp-login.php", {}, "GET unmatched 4xx"],
  ["another method of a path", "/broken", { method: "POST" }, "POST unmatched 4xx"],
  ["a method nobody knows", "/users/me", { method: "BREW" }, "other unmatched 4xx"],
])("%s is counted once", async (_, path, init, labels) => {
  const { app, counted } = open();
  await app.request(path, init);
  expect(counted()).toEqual({ [labels]: 1 });
});
