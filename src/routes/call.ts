import type { Context } from "hono";
import type { ClientCall } from "../domain/call.ts";
import type { AppEnv } from "../middleware/app-env.ts";

/** What the audit log and a session remember of this request. */
export function callOf(c: Context<AppEnv>): ClientCall {
  return { ip: c.var.ip, requestId: c.var.requestId, userAgent: c.req.header("user-agent") ?? null };
}
