import { z } from "@hono/zod-openapi";
import { isJsonObject, readText } from "../domain/json.ts";
import { toRfc3339 } from "../domain/time.ts";
import { connectAccount } from "../services/connections/connect-account.ts";
import { callerOf } from "./caller.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";
import { BlankableText } from "./schemas.ts";

const login = defineRoute({
  method: "post",
  path: "/azure/login",
  summary: "Connect an Azure service principal (the seed's path and field names)",
  access: "connections:write",
  limit: "connect",
  request: {
    body: jsonBody(
      z
        .object({
          tenantId: BlankableText,
          tenant: BlankableText,
          clientId: BlankableText,
          appId: BlankableText,
          clientSecret: BlankableText,
          password: BlankableText,
          subscriptionId: BlankableText,
          subscription_id: BlankableText,
          subscriptionName: BlankableText,
          clientSecretExpiresAt: BlankableText,
          client_secret_expires_at: BlankableText,
        })
        .openapi("AzureLogin"),
    ),
  },
  responses: {
    200: {
      description: "Connected",
      content: jsonContent(
        z.object({
          message: z.string(),
          subscription_id: z.string(),
          subscription_name: z.string().nullable(),
          subscriptions: z.array(z.object({ subscription_id: z.string(), subscription_name: z.string().nullable() })),
          client_secret_expires_at: z.string().nullable(),
        }),
      ),
    },
  },
});

/** The seed's own path for Azure. */
export const seedAzureRoutes = createRouter().openapi(login, async (c) => {
  const body = c.req.valid("json");
  const named = {
    tenant_id: body.tenantId ?? body.tenant,
    client_id: body.clientId ?? body.appId,
    client_secret: body.clientSecret ?? body.password,
    subscription_id: body.subscriptionId ?? body.subscription_id,
    subscription_name: body.subscriptionName,
    client_secret_expires_at: body.clientSecretExpiresAt ?? body.client_secret_expires_at,
  };
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  const { connection } = await connectAccount(c.var.deps, callerOf(c), "azure", given);
  const answer = {
    message: "Azure connected successfully",
    subscription_id: connection.account,
    subscription_name: readText(connection.metadata, "subscription_name"),
    subscriptions: readSubscriptions(connection.metadata["subscriptions"]),
    client_secret_expires_at: toRfc3339(connection.credentialExpiresAt),
  };
  return c.json(answer, 200);
});

/** The enabled subscriptions the principal sees: each can be connected by its id. */
function readSubscriptions(shown: unknown) {
  if (!Array.isArray(shown)) return [];
  return shown.filter(isJsonObject).map((entry) => ({
    subscription_id: readText(entry, "subscription_id") ?? "",
    subscription_name: readText(entry, "subscription_name"),
  }));
}
