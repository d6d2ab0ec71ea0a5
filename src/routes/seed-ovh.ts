import { z } from "@hono/zod-openapi";
import { startConsent } from "../services/consent/start-consent.ts";
import { callerOf } from "./caller.ts";
import { finish } from "./oauth.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";
import { BlankableText } from "./schemas.ts";

const OVH = "ovh";

const initiate = defineRoute({
  method: "post",
  path: "/ovh_api/ovh/oauth2/initiate",
  summary: "Begin OVHcloud's consent in a region (the seed's path)",
  access: "connections:write",
  limit: "connect",
  request: {
    body: jsonBody(
      z
        .object({
          endpoint: z.enum(["ovh-eu", "ovh-us", "ovh-ca"]),
          projectId: BlankableText,
          return_to: z.string().optional(),
        })
        .openapi("OvhInitiate"),
    ),
  },
  responses: { 200: { description: "The link", content: jsonContent(z.object({ authorizationUrl: z.string() })) } },
});

const callback = defineRoute({
  method: "get",
  path: "/ovh_api/ovh/oauth2/callback",
  summary: "Where OVHcloud sends the browser back to (the seed's path)",
  access: "open",
  limit: "callback_address",
  errand: "connect an account",
  responses: { 302: { description: "Elsewhere, by the Location header" } },
});

/** The seed's own paths for OVHcloud. */
export const seedOvhRoutes = createRouter()
  .openapi(initiate, async (c) => {
    const { endpoint, projectId, return_to = null } = c.req.valid("json");
    const options = { endpoint, ...(projectId !== undefined && { project_id: projectId }) };
    const consent = { returnTo: return_to, scopes: null, mode: null, options };
    const { loginUrl } = await startConsent(c.var.deps, callerOf(c), OVH, consent);
    return c.json({ authorizationUrl: loginUrl }, 200);
  })
  .openapi(callback, (c) => finish(c, OVH));
