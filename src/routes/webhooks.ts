import { z } from "@hono/zod-openapi";
import { requireId } from "../domain/ids.ts";
import { toRfc3339 } from "../domain/time.ts";
import { DELIVERY_STATUSES } from "../domain/webhook.ts";
import { createWebhook } from "../services/webhooks/create-webhook.ts";
import { deleteWebhook } from "../services/webhooks/delete-webhook.ts";
import { listDeliveries, listWebhooks } from "../services/webhooks/list-webhooks.ts";
import { replayDelivery } from "../services/webhooks/replay-delivery.ts";
import { rotateWebhookSecret } from "../services/webhooks/rotate-webhook-secret.ts";
import { updateWebhook } from "../services/webhooks/update-webhook.ts";
import { callerOf } from "./caller.ts";
import { IdParam } from "./identity-schemas.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";
import { PageQuery, pageOf } from "./schemas.ts";
import {
  DeliveryPage,
  DeliverySchema,
  IssuedWebhookSchema,
  RotatedWebhookSchema,
  renderDelivery,
  renderWebhook,
  SubscriptionsSchema,
  WebhookPage,
  WebhookSchema,
} from "./webhook-schemas.ts";

/** A day is enough to bring the new secret to a receiver; a week at most, as for keys. */
const DEFAULT_GRACE_SECONDS = 86_400;
const MAX_GRACE_SECONDS = 604_800;

const url = z.string().openapi({ description: "https on a public host", example: "https://hooks.example.com/aurora" });

const list = defineRoute({
  method: "get",
  path: "/api/v1/webhooks",
  summary: "The webhooks of the workspace",
  access: "users:manage",
  request: { query: PageQuery },
  responses: { 200: { description: "Oldest first, without their secrets", content: jsonContent(WebhookPage) } },
});

const create = defineRoute({
  method: "post",
  path: "/api/v1/webhooks",
  summary: "Be told of events at an address",
  access: "users:manage",
  request: { body: jsonBody(z.strictObject({ url, events: SubscriptionsSchema }).openapi("CreateWebhookBody")) },
  responses: { 201: { description: "The webhook, with its secret", content: jsonContent(IssuedWebhookSchema) } },
});

const update = defineRoute({
  method: "patch",
  path: "/api/v1/webhooks/{id}",
  summary: "Change, pause or activate a webhook",
  access: "users:manage",
  request: {
    params: IdParam,
    body: jsonBody(
      z
        .strictObject({ url: url.optional(), events: SubscriptionsSchema.optional(), active: z.boolean().optional() })
        .openapi("WebhookChange"),
    ),
  },
  responses: { 200: { description: "Changed", content: jsonContent(WebhookSchema) } },
});

const remove = defineRoute({
  method: "delete",
  path: "/api/v1/webhooks/{id}",
  summary: "End a webhook; what waits for it is dropped",
  access: "users:manage",
  request: { params: IdParam },
  responses: {
    204: { description: "Ended, its secret erased" },
    202: { description: "Ended; its secret is erased when the secret store is back" },
  },
});

const rotate = defineRoute({
  method: "post",
  path: "/api/v1/webhooks/{id}/rotate",
  summary: "Replace the signing secret; the old one signs beside it until its grace ends",
  access: "users:manage",
  request: {
    params: IdParam,
    body: jsonBody(
      z
        .strictObject({ grace_seconds: z.int().min(0).max(MAX_GRACE_SECONDS).default(DEFAULT_GRACE_SECONDS) })
        .openapi("RotateWebhookBody"),
    ),
  },
  responses: { 201: { description: "The new secret", content: jsonContent(RotatedWebhookSchema) } },
});

const deliveries = defineRoute({
  method: "get",
  path: "/api/v1/webhooks/{id}/deliveries",
  summary: "What a webhook was told of, or is to be",
  access: "users:manage",
  request: { params: IdParam, query: PageQuery.extend({ status: z.enum(DELIVERY_STATUSES).optional() }) },
  responses: { 200: { description: "Newest first", content: jsonContent(DeliveryPage) } },
});

const replayed = { 202: { description: "It is sent again", content: jsonContent(DeliverySchema) } };

const replay = defineRoute({
  method: "post",
  path: "/api/v1/webhooks/{id}/deliveries/{delivery_id}/replay",
  summary: "Send a delivery again, under the same id",
  access: "users:manage",
  request: { params: IdParam.extend({ delivery_id: z.string() }) },
  responses: replayed,
});

const replayById = defineRoute({
  method: "post",
  path: "/api/v1/webhooks/deliveries/{id}/replay",
  summary: "The same, by the delivery alone",
  access: "users:manage",
  request: { params: IdParam },
  responses: replayed,
});

/** Addresses a workspace is told of events at. */
export const webhookRoutes = createRouter()
  .openapi(list, async (c) => {
    const { items, next } = await listWebhooks(c.var.deps, c.var.principal, pageOf(c.req.valid("query")));
    return c.json({ webhooks: items.map(renderWebhook), next }, 200);
  })
  .openapi(create, async (c) => {
    const { webhook, secret } = await createWebhook(c.var.deps, callerOf(c), c.req.valid("json"));
    return c.json({ ...renderWebhook(webhook), secret }, 201);
  })
  .openapi(update, async (c) => {
    const { active, ...change } = c.req.valid("json");
    const id = requireId("whk", c.req.valid("param").id);
    const changed = await updateWebhook(c.var.deps, callerOf(c), id, {
      ...change,
      ...(active !== undefined && { isActive: active }),
    });
    return c.json(renderWebhook(changed), 200);
  })
  .openapi(remove, async (c) => {
    const outcome = await deleteWebhook(c.var.deps, callerOf(c), requireId("whk", c.req.valid("param").id));
    return c.body(null, outcome === "erased" ? 204 : 202);
  })
  .openapi(rotate, async (c) => {
    const id = requireId("whk", c.req.valid("param").id);
    const rotated = await rotateWebhookSecret(c.var.deps, callerOf(c), id, c.req.valid("json").grace_seconds);
    const { webhook, secret, previousUntil } = rotated;
    return c.json({ ...renderWebhook(webhook), secret, previous_secret_until: toRfc3339(previousUntil) }, 201);
  })
  .openapi(deliveries, async (c) => {
    const { status = null, ...page } = c.req.valid("query");
    const id = requireId("whk", c.req.valid("param").id);
    const { items, next } = await listDeliveries(c.var.deps, c.var.principal, id, { ...pageOf(page), status });
    return c.json({ deliveries: items.map(renderDelivery), next }, 200);
  })
  .openapi(replay, async (c) => {
    const { id, delivery_id } = c.req.valid("param");
    const [webhookId, deliveryId] = [requireId("whk", id), requireId("msg", delivery_id)];
    const delivery = await replayDelivery(c.var.deps, callerOf(c), webhookId, deliveryId);
    return c.json(renderDelivery(delivery), 202);
  })
  .openapi(replayById, async (c) => {
    const id = requireId("msg", c.req.valid("param").id);
    return c.json(renderDelivery(await replayDelivery(c.var.deps, callerOf(c), null, id)), 202);
  });
