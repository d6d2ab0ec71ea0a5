import { z } from "@hono/zod-openapi";
import { nameField } from "../domain/identity-fields.ts";
import { requireId } from "../domain/ids.ts";
import { DEFAULT_KEY_PERMISSIONS } from "../domain/permissions.ts";
import type { ApiKey } from "../domain/ports/identity-stores.ts";
import { toRfc3339 } from "../domain/time.ts";
import { createApiKey, type IssuedKey } from "../services/identity/create-api-key.ts";
import { listApiKeys } from "../services/identity/list-api-keys.ts";
import { revokeApiKey } from "../services/identity/revoke-api-key.ts";
import { rotateApiKey } from "../services/identity/rotate-api-key.ts";
import { callOf } from "./call.ts";
import { IdParam, PermissionSchema } from "./identity-schemas.ts";
import { releaseFor } from "./release-for.ts";
import { createRouter, defineRoute, jsonContent } from "./router.ts";
import { PageQuery, pageOf } from "./schemas.ts";

const DAY_SECONDS = 86_400;
const MAX_EXPIRY_DAYS = 365;
/** A week is enough to roll a key out everywhere. */
const MAX_GRACE_SECONDS = 604_800;

const CreateApiKeyBody = z
  .strictObject({
    service_name: nameField,
    expires_in_days: z.int().min(1).max(MAX_EXPIRY_DAYS).optional(),
    permissions: z.array(PermissionSchema).min(1).optional(),
  })
  .openapi("CreateApiKeyBody");
const RotateApiKeyBody = z
  .strictObject({ grace_seconds: z.int().min(0).max(MAX_GRACE_SECONDS).optional() })
  .openapi("RotateApiKeyBody");

const key = {
  id: z.string(),
  principal_id: z.string().openapi({
    description: "As whom it acts: the first key of the line it was rotated from, mostly itself",
  }),
  service_name: z.string(),
  key_prefix: z.string().openapi({ description: "Names the key in lists; it is no part of the key" }),
  permissions: z.array(PermissionSchema),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
};
const ApiKeySchema = z.object({ ...key, last_used_at: z.iso.datetime().nullable() }).openapi("ApiKey");
const IssuedKeySchema = z
  .object({ ...key, api_key: z.string().openapi({ description: "The key, shown this once" }) })
  .openapi("IssuedApiKey");
const ApiKeyPage = z.object({ api_keys: z.array(ApiKeySchema), next: z.string().nullable() }).openapi("ApiKeyPage");

const create = defineRoute({
  method: "post",
  path: "/api/v1/auth/api-keys",
  summary: "Make an API key",
  access: "users:manage",
  request: { body: { required: true, content: jsonContent(CreateApiKeyBody) } },
  responses: { 201: { description: "The key, shown this once", content: jsonContent(IssuedKeySchema) } },
});

const list = defineRoute({
  method: "get",
  path: "/api/v1/auth/api-keys",
  summary: "The live API keys of the workspace",
  access: "users:manage",
  request: { query: PageQuery },
  responses: { 200: { description: "The keys, oldest first, without the keys", content: jsonContent(ApiKeyPage) } },
});

const revoke = defineRoute({
  method: "delete",
  path: "/api/v1/auth/api-keys/{id}",
  summary: "Revoke an API key; with the last of its principal go the connections that principal owns",
  access: "users:manage",
  request: { params: IdParam },
  responses: { 204: { description: "Revoked" } },
});

const rotate = defineRoute({
  method: "post",
  path: "/api/v1/auth/api-keys/{id}/rotate",
  summary: "Replace an API key by one of the same principal; the old one works until its grace ends",
  access: "users:manage",
  request: { params: IdParam, body: { required: false, content: jsonContent(RotateApiKeyBody) } },
  responses: { 201: { description: "The new key, shown this once", content: jsonContent(IssuedKeySchema) } },
});

/** Keys for services, made by admins in a session. */
export const apiKeyRoutes = createRouter()
  .openapi(create, async (c) => {
    const { service_name, expires_in_days, permissions } = c.req.valid("json");
    const draft = {
      serviceName: service_name,
      expiresInSeconds: expires_in_days === undefined ? null : expires_in_days * DAY_SECONDS,
      permissions: permissions ?? DEFAULT_KEY_PERMISSIONS,
    };
    return c.json(renderIssued(await createApiKey(c.var.deps, c.var.principal, draft, callOf(c))), 201);
  })
  .openapi(list, async (c) => {
    const { items, next } = await listApiKeys(c.var.deps, c.var.principal, pageOf(c.req.valid("query")));
    const keys = items.map((item) => ({ ...renderKey(item), last_used_at: toRfc3339(item.lastUsedAt) }));
    return c.json({ api_keys: keys, next }, 200);
  })
  .openapi(revoke, async (c) => {
    const id = requireId("key", c.req.valid("param").id);
    await revokeApiKey(c.var.deps, c.var.principal, id, releaseFor(c), callOf(c));
    return c.body(null, 204);
  })
  .openapi(rotate, async (c) => {
    const { deps, principal } = c.var;
    const id = requireId("key", c.req.valid("param").id);
    const issued = await rotateApiKey(deps, principal, id, c.req.valid("json").grace_seconds ?? 0, callOf(c));
    return c.json(renderIssued(issued), 201);
  });

function renderKey(item: Omit<ApiKey, "lastUsedAt">) {
  return {
    id: item.id,
    principal_id: item.principalId,
    service_name: item.serviceName,
    key_prefix: item.keyPrefix,
    permissions: [...item.permissions],
    created_at: toRfc3339(item.createdAt),
    expires_at: toRfc3339(item.expiresAt),
  };
}

function renderIssued(issued: IssuedKey) {
  return { ...renderKey(issued), api_key: issued.secret };
}
