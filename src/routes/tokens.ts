import { z } from "@hono/zod-openapi";
import { AppError } from "../domain/errors.ts";
import { findReadable } from "../services/connections/find-readable.ts";
import { readTokenOf } from "../services/connections/read-token.ts";
import { readLastingToken } from "../services/connections/refresh-token.ts";
import { storeTokenData } from "../services/connections/store-token-data.ts";
import { callerOf } from "./caller.ts";
import { ConnectionSchema, renderConnection, renderToken, TokenAnswerSchema } from "./connection-schemas.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";

const MAX_NAME_CHARACTERS = 200;
const MAX_PROVIDERS = 20;
const name = z.string().min(1).max(MAX_NAME_CHARACTERS);

const store = defineRoute({
  method: "post",
  path: "/api/v1/tokens",
  summary: "Store token data as given, without asking the provider",
  access: "connections:write",
  limit: "connect",
  request: {
    body: jsonBody(
      z
        .strictObject({
          provider: name,
          token_data: z.record(z.string(), z.unknown()),
          account: z.string().max(MAX_NAME_CHARACTERS).optional(),
          shared: z.boolean().optional(),
          subscription_name: name.optional(),
          subscription_id: name.optional(),
        })
        .openapi("TokenDataToStore"),
    ),
  },
  responses: { 201: { description: "Stored", content: jsonContent(ConnectionSchema) } },
});

const read = defineRoute({
  method: "get",
  path: "/api/v1/tokens",
  summary: "A credential of the first provider, in the order given, that has a usable one",
  access: "tokens:read",
  limit: "token_read",
  request: {
    query: z.object({
      provider: z.string().min(1).max(1000).openapi({ example: "gcp,aws,azure" }),
      account: z.string().max(MAX_NAME_CHARACTERS).optional(),
    }),
  },
  responses: { 200: { description: "The credential", content: jsonContent(TokenAnswerSchema) } },
});

const refresh = defineRoute({
  method: "post",
  path: "/api/v1/tokens/refresh",
  summary: "A credential with at least five minutes left, refreshed if need be",
  access: "tokens:read",
  limit: "token_read",
  request: {
    body: jsonBody(
      z
        .strictObject({ provider: name, account: z.string().max(MAX_NAME_CHARACTERS).optional() })
        .openapi("TokenRefresh"),
    ),
  },
  responses: { 200: { description: "The credential", content: jsonContent(TokenAnswerSchema) } },
});

/** The seed's own functions over HTTP: store, get by provider, refresh if needed. */
export const tokenRoutes = createRouter()
  .openapi(store, async (c) => {
    const body = c.req.valid("json");
    const stored = await storeTokenData(c.var.deps, callerOf(c), {
      provider: body.provider,
      tokenData: body.token_data,
      choice: { account: body.account ?? null, shared: body.shared ?? null },
      subscriptionName: body.subscription_name ?? null,
      subscriptionId: body.subscription_id ?? null,
    });
    return c.json(renderConnection(stored.connection, c.var.deps.now()), 201);
  })
  .openapi(read, async (c) => {
    const { provider, account = null } = c.req.valid("query");
    const providers = provider.split(",").map((part) => part.trim());
    if (providers.length > MAX_PROVIDERS) {
      throw new AppError("invalid_request", `At most ${MAX_PROVIDERS} providers can be named.`);
    }
    const connection = await findReadable(c.var.deps, callerOf(c), providers, account);
    return c.json(renderToken(await readTokenOf(c.var.deps, callerOf(c), connection)), 200);
  })
  .openapi(refresh, async (c) => {
    const { provider, account = null } = c.req.valid("json");
    const connection = await findReadable(c.var.deps, callerOf(c), [provider], account);
    return c.json(renderToken(await readLastingToken(c.var.deps, callerOf(c), connection)), 200);
  });
