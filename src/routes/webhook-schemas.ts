import { z } from "@hono/zod-openapi";
import { toRfc3339 } from "../domain/time.ts";
import {
  DELIVERY_STATUSES,
  INACTIVE_REASONS,
  UNANSWERED_REASONS,
  WEBHOOK_SUBSCRIPTIONS,
  type Webhook,
  type WebhookDelivery,
} from "../domain/webhook.ts";

export const SubscriptionsSchema = z
  .array(z.enum(WEBHOOK_SUBSCRIPTIONS))
  .min(1)
  .max(WEBHOOK_SUBSCRIPTIONS.length)
  .openapi({ description: "Events, or groups of them: `apikey.*`, `connection.*`" });

const webhook = {
  id: z.string(),
  url: z.string(),
  events: SubscriptionsSchema,
  active: z.boolean(),
  inactive_reason: z.enum(INACTIVE_REASONS).nullable().openapi({
    description: "`paused` by an admin; `gone`: the receiver answered 410; `failing`: nothing got through for days",
  }),
  failing_since: z.iso.datetime().nullable(),
  created_by: z.string(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
};
const secret = z.string().openapi({ description: "The signing secret, `whsec_…`, shown this once" });

export const WebhookSchema = z.object(webhook).openapi("Webhook");
export const IssuedWebhookSchema = z.object({ ...webhook, secret }).openapi("IssuedWebhook");
export const RotatedWebhookSchema = z
  .object({
    ...webhook,
    secret,
    previous_secret_until: z.iso.datetime().openapi({ description: "Until then the old secret signs as well" }),
  })
  .openapi("RotatedWebhook");
export const WebhookPage = z
  .object({ webhooks: z.array(WebhookSchema), next: z.string().nullable() })
  .openapi("WebhookPage");

export const DeliverySchema = z
  .object({
    id: z.string().openapi({ description: "Sent as `webhook-id`, the same at every try and replay" }),
    webhook_id: z.string(),
    event: z.string(),
    seq: z.int().openapi({ description: "The number of the audit event" }),
    status: z.enum(DELIVERY_STATUSES),
    attempts: z.int(),
    last_status: z.int().nullable(),
    last_error: z.enum(UNANSWERED_REASONS).nullable(),
    next_attempt_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
    delivered_at: z.iso.datetime().nullable(),
  })
  .openapi("WebhookDelivery");
export const DeliveryPage = z
  .object({ deliveries: z.array(DeliverySchema), next: z.string().nullable() })
  .openapi("WebhookDeliveryPage");

export function renderWebhook(item: Webhook): z.infer<typeof WebhookSchema> {
  return {
    id: item.id,
    url: item.url,
    events: [...item.events],
    active: item.inactiveReason === null,
    inactive_reason: item.inactiveReason,
    failing_since: toRfc3339(item.failingSince),
    created_by: item.createdBy,
    created_at: toRfc3339(item.createdAt),
    updated_at: toRfc3339(item.updatedAt),
  };
}

export function renderDelivery(item: WebhookDelivery): z.infer<typeof DeliverySchema> {
  return {
    id: item.id,
    webhook_id: item.webhookId,
    event: item.event,
    seq: item.seq,
    status: item.status,
    attempts: item.attempts,
    last_status: item.lastStatus,
    last_error: item.lastError,
    next_attempt_at: toRfc3339(item.nextAttemptAt),
    created_at: toRfc3339(item.createdAt),
    delivered_at: toRfc3339(item.deliveredAt),
  };
}
