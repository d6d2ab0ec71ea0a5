import { z } from "@hono/zod-openapi";
import { EVENT_WRITERS, EXPORT_FORMATS } from "../domain/audit-export.ts";
import { listCheckpointKeys } from "../services/audit/checkpoint-keys.ts";
import { chooseChain } from "../services/audit/choose-chain.ts";
import { exportAuditEvents } from "../services/audit/export-audit-events.ts";
import { listCheckpoints } from "../services/audit/list-checkpoints.ts";
import { FilterQuery, filterOf } from "./audit-query.ts";
import { createRouter, defineRoute, jsonContent } from "./router.ts";
import { PageQuery } from "./schemas.ts";

const file = z.string().openapi({ format: "binary" });

const exportEvents = defineRoute({
  method: "get",
  path: "/api/v1/audit/export",
  access: "audit:read",
  summary: "Everything that happened in the workspace, as a file",
  description: "Streamed. An outage in the middle breaks the transfer off: what arrived then is not the whole.",
  request: { query: FilterQuery.extend({ format: z.enum(EXPORT_FORMATS).default("jsonl") }) },
  responses: {
    200: {
      description: "The file",
      content: { "application/x-ndjson": { schema: file }, "text/csv": { schema: file } },
    },
  },
});

const CheckpointSchema = z.object({
  seq: z.int().min(1),
  hash: z.string(),
  at: z.string(),
  key_id: z.string(),
  signature: z.string().openapi({ description: "Ed25519, base64url." }),
});

const listSigned = defineRoute({
  method: "get",
  path: "/api/v1/audit/checkpoints",
  access: "audit:read",
  summary: "The signed checkpoints of the chain",
  request: { query: PageQuery.extend(FilterQuery.pick({ chain: true, after: true }).shape) },
  responses: {
    200: {
      description: "A page of checkpoints, of the chain that is named",
      content: jsonContent(
        z.object({ chain: z.string(), checkpoints: z.array(CheckpointSchema), next: z.string().nullable() }),
      ),
    },
  },
});

const KeySchema = z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), kid: z.string(), x: z.string() });

const listKeys = defineRoute({
  method: "get",
  path: "/api/v1/audit/keys",
  access: "audit:read",
  summary: "The public keys checkpoints are signed with, as a JSON Web Key Set",
  responses: {
    200: {
      description: "The current one first; none before the first checkpoint",
      content: jsonContent(z.object({ keys: z.array(KeySchema) })),
    },
  },
});

export const auditFileRoutes = createRouter()
  .openapi(exportEvents, async (c) => {
    const { format, ...query } = c.req.valid("query");
    const scope = chooseChain(c.var.deps, c.var.principal, query.chain);
    const body = await exportAuditEvents(c.var.deps, scope, filterOf(query), format);
    const name = `aurora-audit-${scope.workspaceId}.${format}`;
    c.header("Content-Disposition", `attachment; filename="${name}"`);
    c.header("Content-Type", EVENT_WRITERS[format].mediaType);
    return c.body(body, 200);
  })
  .openapi(listSigned, async (c) => {
    const { chain, after, limit } = c.req.valid("query");
    const scope = chooseChain(c.var.deps, c.var.principal, chain);
    const { checkpoints, next } = await listCheckpoints(c.var.deps, scope, { after: Number(after ?? 0), limit });
    const rendered = checkpoints.map(({ keyId, ...checkpoint }) => ({ ...checkpoint, key_id: keyId }));
    return c.json({ chain: scope.workspaceId, checkpoints: rendered, next }, 200);
  })
  .openapi(listKeys, async (c) => c.json({ keys: [...(await listCheckpointKeys(c.var.deps))] }, 200));
