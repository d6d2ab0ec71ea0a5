import { z } from "@hono/zod-openapi";
import { EXPOSITION_TYPE } from "../domain/metric-exposition.ts";
import { PERIOD_MINUTES, type Period, type SecurityTally } from "../domain/metric-security.ts";
import { CHAIN_NAMES, chooseChain } from "../services/audit/choose-chain.ts";
import { readExposition } from "../services/metrics/read-exposition.ts";
import { createRouter, defineRoute, jsonContent } from "./router.ts";

const periods = Object.keys(PERIOD_MINUTES) as [Period, ...Period[]];
const count = z.int().min(0);

const SecurityMetricsSchema = z
  .object({
    period: z.enum(periods),
    failed_authentications: count,
    rate_limit_violations: count,
    unauthorized_access: count,
    abnormal_usage: count,
    database_failures: count,
    refresh_failures: count,
  } satisfies Record<keyof SecurityTally | "period", z.ZodType>)
  .openapi("SecurityMetrics");

const securityMetrics = defineRoute({
  method: "get",
  path: "/api/v1/security/metrics",
  access: "metrics:read",
  summary: "How often what an operator should know of happened in the workspace",
  request: {
    query: z.object({
      period: z.enum(periods).default("1h").openapi({ description: "Up to now, in whole minutes." }),
      chain: z.enum(CHAIN_NAMES).optional().openapi({
        description: "What belongs to no workspace. For the operator's workspace only.",
      }),
    }),
  },
  responses: { 200: { description: "The counts", content: jsonContent(SecurityMetricsSchema) } },
});

const exposition = defineRoute({
  method: "get",
  path: "/metrics",
  access: "metrics:read",
  operatorOnly: true,
  summary: "What the whole deployment has counted, for Prometheus; by METRICS_TOKEN, or in the operator's workspace",
  opensTo: "metricsToken",
  responses: {
    200: { description: "Text exposition format 0.0.4", content: { [EXPOSITION_TYPE]: { schema: z.string() } } },
  },
});

/** What an operator watches. */
export const metricsRoutes = createRouter()
  .openapi(securityMetrics, async (c) => {
    const { period, chain } = c.req.valid("query");
    const { workspaceId } = chooseChain(c.var.deps, c.var.principal, chain);
    return c.json({ period, ...(await c.var.deps.securityTallies.tally(workspaceId, period)) }, 200);
  })
  .openapi(exposition, async (c) => c.text(await readExposition(c.var.deps), 200, { "Content-Type": EXPOSITION_TYPE }));
