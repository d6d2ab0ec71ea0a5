import { z } from "@hono/zod-openapi";
import { startConsent } from "../services/consent/start-consent.ts";
import { callerOf } from "./caller.ts";
import { finish } from "./oauth.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";

const SLACK = "slack";

const start = defineRoute({
  method: "post",
  path: "/slack",
  summary: "Begin Slack's consent (the seed's path)",
  access: "connections:write",
  limit: "connect",
  request: { body: jsonBody(z.object({ return_to: z.string().optional() })) },
  responses: { 200: { description: "The link", content: jsonContent(z.object({ oauth_url: z.string() })) } },
});

const callback = defineRoute({
  method: "get",
  path: "/slack/callback",
  summary: "Where Slack sends the browser back to (the seed's path)",
  access: "open",
  limit: "callback_address",
  errand: "connect an account",
  responses: { 302: { description: "Elsewhere, by the Location header" } },
});

/** The seed's own paths for Slack. */
export const seedSlackRoutes = createRouter()
  .openapi(start, async (c) => {
    const { return_to = null } = c.req.valid("json");
    const consent = { returnTo: return_to, scopes: null, mode: null };
    const { loginUrl } = await startConsent(c.var.deps, callerOf(c), SLACK, consent);
    return c.json({ oauth_url: loginUrl }, 200);
  })
  .openapi(callback, (c) => finish(c, SLACK));
