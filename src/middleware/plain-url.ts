import { createMiddleware } from "hono/factory";
import { AppError } from "../domain/errors.ts";
import type { AppEnv } from "./app-env.ts";

/** Refuses a NUL in a query: Postgres cannot hold one, so no filter has one. A path with one names nothing that is there. */
export const plainUrl = createMiddleware<AppEnv>((c, next) => {
  if (new URL(c.req.url).search.includes("%00")) throw new AppError("invalid_request", "The query holds a NUL.");
  return next();
});
