import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./app-env.ts";

/** One year, as the seed has it. */
const HSTS = "max-age=31536000; includeSubDomains";
/** An answer of the API loads nothing; pages name what they need themselves. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** The headers every answer carries, errors included. What a route set itself stays. */
export const securityHeaders = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { headers } = c.res;
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("X-Frame-Options", "DENY");
  headers.set("Strict-Transport-Security", HSTS);
  headers.set("X-XSS-Protection", "1; mode=block");
  headers.set("Referrer-Policy", "no-referrer");
  if (!headers.has("Content-Security-Policy")) headers.set("Content-Security-Policy", API_POLICY);
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
});
