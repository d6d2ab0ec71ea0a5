import type { Context, MiddlewareHandler } from "hono";
import { every } from "hono/combine";
import type { AppEnv } from "./app-env.ts";
import { readPresented } from "./authenticate.ts";
import { limitAddress } from "./rate-limit.ts";

/** Ways in that prove no caller, by the names of the API's description: there is no `principal` then. */
const PROOFS = {
  metricsToken: bringsMetricsToken,
} as const satisfies Record<string, (c: Context<AppEnv>) => Promise<boolean>>;
export type OtherProof = keyof typeof PROOFS;

/** Whoever brings the other proof passes, counted by address; everybody else is guarded as on any route. */
export function unlessProven(by: OtherProof, usual: readonly MiddlewareHandler<AppEnv>[]): MiddlewareHandler<AppEnv> {
  const limited = limitAddress("unauthenticated_address");
  const guarded = every(...usual);
  return async (c, next) => ((await PROOFS[by](c)) ? limited(c, next) : guarded(c, next));
}

async function bringsMetricsToken(c: Context<AppEnv>): Promise<boolean> {
  const { bearer, cookies, apiKey, actAs } = readPresented(c);
  // Alone: beside another credential it is a bearer token like any, and no good one.
  if (bearer === null || cookies.length > 0 || apiKey !== null || actAs !== null) return false;
  return c.var.deps.isMetricsToken(bearer);
}
