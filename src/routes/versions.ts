import { z } from "@hono/zod-openapi";
import { requireId } from "../domain/ids.ts";
import { listVersions } from "../services/connections/list-versions.ts";
import { rollBack } from "../services/connections/roll-back.ts";
import { callerOf } from "./caller.ts";
import { ConnectionSchema, renderConnection } from "./connection-schemas.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";

const params = z.object({ id: z.string() });

const list = defineRoute({
  method: "get",
  path: "/api/v1/connections/{id}/versions",
  summary: "The versions of a key-style secret",
  access: "connections:write",
  request: { params },
  responses: {
    200: {
      description: "Oldest first",
      content: jsonContent(
        z.object({ versions: z.array(z.object({ version: z.int(), created_at: z.string() })) }).openapi("Versions"),
      ),
    },
  },
});

const restore = defineRoute({
  method: "post",
  path: "/api/v1/connections/{id}/rollback",
  summary: "Make an older version of a key-style secret the newest",
  access: "connections:write",
  request: { params, body: jsonBody(z.strictObject({ version: z.int().min(1) }).openapi("Rollback")) },
  responses: { 200: { description: "Rolled back", content: jsonContent(ConnectionSchema) } },
});

/** The past of key-style secrets. */
export const versionRoutes = createRouter()
  .openapi(list, async (c) => {
    const id = requireId("con", c.req.valid("param").id);
    const versions = await listVersions(c.var.deps, c.var.principal, id);
    return c.json({ versions: versions.map(({ version, createdAt }) => ({ version, created_at: createdAt })) }, 200);
  })
  .openapi(restore, async (c) => {
    const id = requireId("con", c.req.valid("param").id);
    const connection = await rollBack(c.var.deps, callerOf(c), id, c.req.valid("json").version);
    return c.json(renderConnection(connection, c.var.deps.now()), 200);
  });
