import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { matchedRoutes } from "hono/route";
import { HTTP_METHODS, type LabelsOf } from "../domain/metric.ts";
import type { AppEnv } from "./app-env.ts";

type Labels = LabelsOf<"aurora_http_request_duration_seconds">;

/** What a call is counted under that no route took. */
const UNMATCHED = "unmatched";
const STATUS_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** Notes how long each answer took to begin, by the pattern of its route: a path can hold anything. */
export const measure = createMiddleware<AppEnv>(async (c, next) => {
  const { metrics, nowMs } = c.var.deps;
  const startedMs = nowMs();
  await next();
  const labels = { method: methodOf(c.req.method), route: routeOf(c), status: statusClassOf(c.res.status) };
  metrics.observe("aurora_http_request_duration_seconds", labels, Math.max(nowMs() - startedMs, 0) / 1000);
});

function methodOf(method: string): Labels["method"] {
  return HTTP_METHODS.find((known) => known === method) ?? "other";
}

/** Middleware is registered for every method; the first that is not is the route that answers. */
function routeOf(c: Context<AppEnv>): string {
  return matchedRoutes(c).find(({ method }) => method !== "ALL")?.path ?? UNMATCHED;
}

function statusClassOf(status: number): Labels["status"] {
  return STATUS_CLASSES[Math.floor(status / 100) - 1] ?? "5xx";
}
