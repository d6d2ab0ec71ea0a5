import { z } from "@hono/zod-openapi";
import { checkReadiness } from "../services/check-readiness.ts";
import { createRouter, defineRoute, jsonContent } from "./router.ts";

const state = z.enum(["ok", "down"]);
const Readiness = z
  .object({
    status: z.enum(["ready", "not_ready"]),
    checks: z.object({ database: state, vault: state, cache: state }),
  })
  .openapi("Readiness");

const liveness = defineRoute({
  method: "get",
  path: "/health/liveness",
  summary: "The process answers",
  access: "open",
  limit: null,
  responses: { 200: { description: "Alive", content: jsonContent(z.object({ status: z.literal("alive") })) } },
});

const readiness = defineRoute({
  method: "get",
  path: "/health/readiness",
  summary: "Everything it needs answers",
  access: "open",
  limit: null,
  responses: {
    200: { description: "Ready", content: jsonContent(Readiness) },
    503: { description: "Something it needs is down", content: jsonContent(Readiness) },
  },
});

export const healthRoutes = createRouter()
  .openapi(liveness, (c) => c.json({ status: "alive" as const }, 200))
  .openapi(readiness, async (c) => {
    const checks = await checkReadiness(c.var.deps);
    const isReady = Object.values(checks).every((check) => check === "ok");
    return isReady
      ? c.json({ status: "ready" as const, checks }, 200)
      : c.json({ status: "not_ready" as const, checks }, 503);
  });
