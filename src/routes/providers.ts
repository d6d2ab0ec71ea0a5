import { z } from "@hono/zod-openapi";
import { connectAccount } from "../services/connections/connect-account.ts";
import { listProviders, PROVIDER_KINDS } from "../services/list-providers.ts";
import { callerOf } from "./caller.ts";
import { ConnectionSchema, renderConnection } from "./connection-schemas.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";

const ProviderSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(PROVIDER_KINDS),
    refreshable: z.boolean(),
    configured: z.boolean(),
    credentials_schema: z.record(z.string(), z.unknown()),
    scopes: z.array(z.string()),
    api_hosts: z.array(z.string()),
    docs_url: z.string(),
  })
  .openapi("Provider");

const list = defineRoute({
  method: "get",
  path: "/api/v1/providers",
  summary: "Every provider, and what connecting it takes",
  access: "any",
  responses: { 200: { description: "By id", content: jsonContent(z.object({ providers: z.array(ProviderSchema) })) } },
});

const connect = defineRoute({
  method: "post",
  path: "/api/v1/providers/{provider}/connect",
  summary: "Connect an account by its credential, after the provider accepted it",
  access: "connections:write",
  limit: "connect",
  request: {
    params: z.object({ provider: z.string() }),
    body: jsonBody(z.record(z.string(), z.unknown()).openapi("ProviderCredentials")),
  },
  responses: {
    201: { description: "Connected", content: jsonContent(ConnectionSchema) },
    200: {
      description: "Replaced the credential of the connection that was there",
      content: jsonContent(ConnectionSchema),
    },
  },
});

export const providerRoutes = createRouter()
  .openapi(list, (c) => c.json({ providers: listProviders(c.var.deps) }, 200))
  .openapi(connect, async (c) => {
    const { provider } = c.req.valid("param");
    const stored = await connectAccount(c.var.deps, callerOf(c), provider, c.req.valid("json"));
    return c.json(renderConnection(stored.connection, c.var.deps.now()), stored.replaced ? 200 : 201);
  });
