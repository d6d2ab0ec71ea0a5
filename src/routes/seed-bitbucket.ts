import { z } from "@hono/zod-openapi";
import { readText } from "../domain/json.ts";
import { connectAccount } from "../services/connections/connect-account.ts";
import { startConsent } from "../services/consent/start-consent.ts";
import { callerOf } from "./caller.ts";
import { finish } from "./oauth.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";

const BITBUCKET = "bitbucket";

const login = defineRoute({
  method: "post",
  path: "/bitbucket/login",
  summary: "Connect by an API token, or begin Bitbucket's consent when none is given (the seed's path)",
  access: "connections:write",
  limit: "connect",
  request: {
    body: jsonBody(
      z
        .object({ api_token: z.string().optional(), email: z.string().optional(), return_to: z.string().optional() })
        .openapi("BitbucketLogin"),
    ),
  },
  responses: {
    200: {
      description: "Connected, or the link",
      content: jsonContent(
        z.union([
          z.object({ oauth_url: z.string() }),
          z.object({
            success: z.literal(true),
            username: z.string(),
            display_name: z.string().nullable(),
            auth_type: z.literal("api_token"),
            missing_scopes: z.array(z.string()).optional(),
          }),
        ]),
      ),
    },
  },
});

const callback = defineRoute({
  method: "get",
  path: "/bitbucket/callback",
  summary: "Where Bitbucket sends the browser back to (the seed's path)",
  access: "open",
  limit: "callback_address",
  errand: "connect an account",
  responses: { 302: { description: "Elsewhere, by the Location header" } },
});

/** The seed's own paths for Bitbucket. */
export const seedBitbucketRoutes = createRouter()
  .openapi(login, async (c) => {
    const { return_to = null, ...given } = c.req.valid("json");
    if (given.api_token === undefined && given.email === undefined) {
      const consent = { returnTo: return_to, scopes: null, mode: null };
      const { loginUrl } = await startConsent(c.var.deps, callerOf(c), BITBUCKET, consent);
      return c.json({ oauth_url: loginUrl }, 200);
    }
    const { connection } = await connectAccount(c.var.deps, callerOf(c), BITBUCKET, given);
    const { missing_scopes: missing } = connection.metadata;
    const answer = {
      success: true as const,
      username: connection.account,
      display_name: readText(connection.metadata, "display_name"),
      auth_type: "api_token" as const,
      ...(Array.isArray(missing) && { missing_scopes: missing.map(String) }),
    };
    return c.json(answer, 200);
  })
  .openapi(callback, (c) => finish(c, BITBUCKET));
