import type { MiddlewareHandler } from "hono";
import { cors as honoCors } from "hono/cors";
import type { AppEnv } from "./app-env.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const REQUEST_HEADERS = ["Content-Type", "X-Provider", "X-User-ID", "X-API-Key", "Authorization"];
const ANSWER_HEADERS = ["X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"];

const allow: MiddlewareHandler<AppEnv> = honoCors({
  origin: (origin, c) => {
    const { deps } = (c as Parameters<MiddlewareHandler<AppEnv>>[0]).var;
    return deps.settings.frontendUrls.includes(origin) ? origin : null;
  },
  credentials: true,
  allowMethods: METHODS,
  allowHeaders: REQUEST_HEADERS,
  exposeHeaders: ANSWER_HEADERS,
});

/**
 * Lets the pages of `FRONTEND_URL` call us with their cookie; a foreign origin gets no `Access-Control-Allow-Origin`.
 * No answer but a preflight's speaks of CORS to anyone else: what the proxy relays would look like the provider's word.
 */
export const cors: MiddlewareHandler<AppEnv> = (c, next) => {
  const origin = c.req.header("origin") ?? "";
  if (c.req.method === "OPTIONS" || c.var.deps.settings.frontendUrls.includes(origin)) return allow(c, next);
  c.header("Vary", "Origin", { append: true });
  return next();
};
