import type { Context } from "hono";
import type { AppEnv } from "../middleware/app-env.ts";
import type { Caller } from "../services/record-deed.ts";

/** The proven caller of this request, and where the call came from. */
export function callerOf(c: Context<AppEnv>): Caller {
  return { principal: c.var.principal, ip: c.var.ip, requestId: c.var.requestId };
}
