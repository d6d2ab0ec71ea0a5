import type { Context } from "hono";
import type { AppEnv } from "../middleware/app-env.ts";
import { type ReleaseConnections, releaseConnections } from "../services/connections/release-connections.ts";
import { callerOf } from "./caller.ts";

/** Releases connections as the deed of this request's caller. */
export function releaseFor(c: Context<AppEnv>): ReleaseConnections {
  return (from, heir) => releaseConnections(c.var.deps, callerOf(c), from, heir);
}
