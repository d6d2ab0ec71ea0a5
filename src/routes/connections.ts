import { z } from "@hono/zod-openapi";
import { CONNECTION_STATUSES } from "../domain/connection.ts";
import { readId, requireId } from "../domain/ids.ts";
import { principalKey } from "../domain/principal.ts";
import { takeOrRefuse } from "../middleware/rate-limit.ts";
import { disconnect } from "../services/connections/disconnect.ts";
import { listConnections } from "../services/connections/list-connections.ts";
import { readHotToken } from "../services/connections/read-hot-token.ts";
import { readToken } from "../services/connections/read-token.ts";
import { refreshToken } from "../services/connections/refresh-token.ts";
import { requireConnection } from "../services/connections/require-connection.ts";
import { updateConnection } from "../services/connections/update-connection.ts";
import { readSetups } from "../services/gcp-setup/read-setups.ts";
import { callerOf } from "./caller.ts";
import { ConnectionSchema, renderConnection, renderToken, TokenAnswerSchema } from "./connection-schemas.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";
import { PageQuery } from "./schemas.ts";

const MAX_LABEL_CHARACTERS = 200;
const params = z.object({ id: z.string() });

const list = defineRoute({
  method: "get",
  path: "/api/v1/connections",
  summary: "The connections one may see: one's own and the workspace's shared ones",
  access: "connections:read",
  request: {
    query: PageQuery.extend({ provider: z.string().optional(), status: z.enum(CONNECTION_STATUSES).optional() }),
  },
  responses: {
    200: {
      description: "Oldest first",
      content: jsonContent(z.object({ connections: z.array(ConnectionSchema), next: z.string().nullable() })),
    },
  },
});

const read = defineRoute({
  method: "get",
  path: "/api/v1/connections/{id}",
  summary: "One connection",
  access: "connections:read",
  request: { params },
  responses: { 200: { description: "The connection", content: jsonContent(ConnectionSchema) } },
});

const update = defineRoute({
  method: "patch",
  path: "/api/v1/connections/{id}",
  summary: "Share, unshare or label a connection",
  access: "connections:write",
  request: {
    params,
    body: jsonBody(
      z
        .strictObject({
          shared: z.boolean().optional(),
          label: z.string().max(MAX_LABEL_CHARACTERS).nullable().optional(),
        })
        .openapi("ConnectionChange"),
    ),
  },
  responses: { 200: { description: "Changed", content: jsonContent(ConnectionSchema) } },
});

const remove = defineRoute({
  method: "delete",
  path: "/api/v1/connections/{id}",
  summary: "Disconnect: erase the secret and revoke it at the provider",
  access: "connections:write",
  request: { params },
  responses: {
    204: { description: "Erased" },
    202: { description: "Unreadable now; erased when the secret store is back" },
  },
});

const token = defineRoute({
  method: "get",
  path: "/api/v1/connections/{id}/token",
  summary: "A credential that works now",
  access: "tokens:read",
  limit: "token_read",
  alongside: (c) => readId("con", c.req.param("id")),
  request: { params },
  responses: { 200: { description: "The credential", content: jsonContent(TokenAnswerSchema) } },
});

const refresh = defineRoute({
  method: "post",
  path: "/api/v1/connections/{id}/refresh",
  summary: "Refresh a credential that is due, or by force",
  access: "connections:write",
  request: {
    params,
    body: jsonBody(z.strictObject({ force: z.boolean().default(false) }).openapi("RefreshRequest")),
  },
  responses: { 200: { description: "The credential", content: jsonContent(TokenAnswerSchema) } },
});

/** Connections: seen, read, refreshed, shared and ended. */
export const connectionRoutes = createRouter()
  .openapi(list, async (c) => {
    const { provider = null, status = null, after = null, limit } = c.req.valid("query");
    const { items, next } = await listConnections(c.var.deps, c.var.principal, { provider, status, after, limit });
    const setups = await readSetups(c.var.deps, c.var.principal, items);
    const connections = items.map((connection) =>
      renderConnection(connection, c.var.deps.now(), setups.get(connection.id)),
    );
    return c.json({ connections, next }, 200);
  })
  .openapi(read, async (c) => {
    const id = requireId("con", c.req.valid("param").id);
    const connection = await requireConnection(c.var.deps, c.var.principal, id);
    const setups = await readSetups(c.var.deps, c.var.principal, [connection]);
    return c.json(renderConnection(connection, c.var.deps.now(), setups.get(id)), 200);
  })
  .openapi(update, async (c) => {
    const id = requireId("con", c.req.valid("param").id);
    const changed = await updateConnection(c.var.deps, callerOf(c), id, c.req.valid("json"));
    const setups = await readSetups(c.var.deps, c.var.principal, [changed]);
    return c.json(renderConnection(changed, c.var.deps.now(), setups.get(id)), 200);
  })
  .openapi(remove, async (c) => {
    const outcome = await disconnect(c.var.deps, callerOf(c), requireId("con", c.req.valid("param").id));
    return c.body(null, outcome === "erased" ? 204 : 202);
  })
  .openapi(token, async (c) => {
    const id = requireId("con", c.req.valid("param").id);
    const caller = callerOf(c);
    const hot = await readHotToken(c.var.deps, caller, id);
    return c.json(renderToken(hot ?? (await readToken(c.var.deps, caller, id, c.var.foundConnection))), 200);
  })
  .openapi(refresh, async (c) => {
    const id = requireId("con", c.req.valid("param").id);
    const { force } = c.req.valid("json");
    if (force) await takeOrRefuse(c, "connect", principalKey(c.var.principal));
    return c.json(renderToken(await refreshToken(c.var.deps, callerOf(c), id, force)), 200);
  });
