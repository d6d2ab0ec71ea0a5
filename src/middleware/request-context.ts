import { createMiddleware } from "hono/factory";
import { toHex } from "../domain/ids.ts";
import type { AppEnv } from "./app-env.ts";

const ID_BYTES = 16;

/**
 * Gives every request its id, its caller's address and its dependencies.
 *
 * The address is `CF-Connecting-IP` only: Cloudflare overwrites it, anything else is what a client claims.
 * Building the dependencies may refuse (a setting is wrong): that is answered like any other refusal, with the id.
 */
export const requestContext = createMiddleware<AppEnv>(async (c, next) => {
  const requestId = `req_${toHex(crypto.getRandomValues(new Uint8Array(ID_BYTES)))}`;
  c.set("requestId", requestId);
  c.header("X-Request-Id", requestId);
  c.set("ip", c.req.header("cf-connecting-ip") ?? null);
  c.set("deps", c.env.createDeps());
  await next();
});
