import { z } from "@hono/zod-openapi";
import { nameField } from "../domain/identity-fields.ts";
import { requireId } from "../domain/ids.ts";
import { isPlainText } from "../domain/plain-text.ts";
import type { KubectlToken } from "../domain/ports/identity-stores.ts";
import { toRfc3339 } from "../domain/time.ts";
import { createKubectlToken } from "../services/identity/create-kubectl-token.ts";
import { listKubectlTokens } from "../services/identity/list-kubectl-tokens.ts";
import { revokeKubectlToken } from "../services/identity/revoke-kubectl-token.ts";
import { callOf } from "./call.ts";
import { IdParam } from "./identity-schemas.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";
import { PageQuery, pageOf } from "./schemas.ts";

const DAY_SECONDS = 86_400;
const MAX_EXPIRY_DAYS = 365;
const MAX_NOTES_CHARACTERS = 1000;

const CreateBody = z
  .strictObject({
    cluster_name: nameField,
    notes: z
      .string()
      .max(MAX_NOTES_CHARACTERS)
      .refine((text) => isPlainText(text.replace(/[\t\n\r]/g, "")), "must not hold control characters")
      .nullable()
      .optional(),
    expires_days: z.int().min(1).max(MAX_EXPIRY_DAYS).nullable().optional(),
  })
  .openapi("CreateKubectlTokenBody");

const token = {
  id: z.string(),
  cluster_name: z.string(),
  notes: z.string().nullable(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
};
const IssuedSchema = z
  .object({ ...token, token: z.string().openapi({ description: "The token, shown this once" }) })
  .openapi("IssuedKubectlToken");
const TokenPage = z
  .object({
    tokens: z.array(z.object({ ...token, created_by: z.string(), last_used_at: z.iso.datetime().nullable() })),
    next: z.string().nullable(),
  })
  .openapi("KubectlTokenPage");

const create = defineRoute({
  method: "post",
  path: "/api/kubectl/tokens",
  summary: "Make a token for a cluster agent",
  access: "connections:write",
  request: { body: jsonBody(CreateBody) },
  responses: { 201: { description: "The token, shown this once", content: jsonContent(IssuedSchema) } },
});

const list = defineRoute({
  method: "get",
  path: "/api/kubectl/tokens",
  summary: "The live tokens of the workspace's cluster agents",
  access: "connections:write",
  request: { query: PageQuery },
  responses: { 200: { description: "Oldest first, without the tokens", content: jsonContent(TokenPage) } },
});

const revoke = defineRoute({
  method: "delete",
  path: "/api/kubectl/tokens/{id}",
  summary: "Revoke a cluster agent's token",
  access: "connections:write",
  request: { params: IdParam },
  responses: { 204: { description: "Revoked" } },
});

/** Tokens by which cluster agents read the workspace's shared connections. */
export const kubectlTokenRoutes = createRouter()
  .openapi(create, async (c) => {
    const { cluster_name, notes = null, expires_days = null } = c.req.valid("json");
    const draft = {
      clusterName: cluster_name,
      notes,
      expiresInSeconds: expires_days === null ? null : expires_days * DAY_SECONDS,
    };
    const issued = await createKubectlToken(c.var.deps, c.var.principal, draft, callOf(c));
    return c.json({ ...renderToken(issued), token: issued.secret }, 201);
  })
  .openapi(list, async (c) => {
    const { items, next } = await listKubectlTokens(c.var.deps, c.var.principal, pageOf(c.req.valid("query")));
    const tokens = items.map((item) => ({
      ...renderToken(item),
      created_by: item.createdBy,
      last_used_at: toRfc3339(item.lastUsedAt),
    }));
    return c.json({ tokens, next }, 200);
  })
  .openapi(revoke, async (c) => {
    const id = requireId("kct", c.req.valid("param").id);
    await revokeKubectlToken(c.var.deps, c.var.principal, id, callOf(c));
    return c.body(null, 204);
  });

function renderToken(item: Pick<KubectlToken, "id" | "clusterName" | "notes" | "createdAt" | "expiresAt">) {
  return {
    id: item.id,
    cluster_name: item.clusterName,
    notes: item.notes,
    created_at: toRfc3339(item.createdAt),
    expires_at: toRfc3339(item.expiresAt),
  };
}
