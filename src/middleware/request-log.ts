import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import type { Principal } from "../domain/principal.ts";
import type { AppEnv } from "./app-env.ts";

/**
 * One line for each request: which route, what became of it, how long it took and who called, by id.
 * The pattern of the route, never the path: a path can hold a ticket, and a query a code.
 */
export const requestLog = createMiddleware<AppEnv>(async (c, next) => {
  const { log, nowMs } = c.var.deps;
  const startMs = nowMs();
  await next();
  // On an open route, or for a refused caller, nobody is known.
  const principal: Principal | undefined = c.var.principal;
  log.info("request", {
    request_id: c.var.requestId,
    route: `${c.req.method} ${routePath(c, -1)}`,
    status: c.res.status,
    duration_ms: nowMs() - startMs,
    principal: principal?.id ?? null,
    ...(principal?.impersonatedBy && { via: principal.impersonatedBy }),
  });
});
