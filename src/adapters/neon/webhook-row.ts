import { requireId, requireOwnerId } from "../../domain/ids.ts";

import {
  DELIVERY_STATUSES,
  INACTIVE_REASONS,
  UNANSWERED_REASONS,
  WEBHOOK_SUBSCRIPTIONS,
  type Webhook,
  type WebhookDelivery,
} from "../../domain/webhook.ts";
import type { Row } from "./database.ts";
import { readNullableTime, readText, readTime } from "./row.ts";

export function toWebhook(row: Row): Webhook {
  const events = Array.isArray(row["events"]) ? row["events"] : [];
  return {
    id: requireId("whk", row["id"]),
    url: readText(row, "url"),
    // A name nobody knows any more is not shown; nothing is sent for it either.
    events: WEBHOOK_SUBSCRIPTIONS.filter((known) => events.includes(known)),
    secretRef: readText(row, "secret_ref"),
    inactiveReason: INACTIVE_REASONS.find((known) => known === row["inactive_reason"]) ?? null,
    failingSince: readNullableTime(row, "failing_since"),
    createdBy: requireOwnerId(row["created_by"]),
    createdAt: readTime(row, "created_at"),
    updatedAt: readTime(row, "updated_at"),
  };
}

export function toDelivery(row: Row): WebhookDelivery {
  const status = DELIVERY_STATUSES.find((known) => known === row["status"]);
  if (status === undefined) throw new Error("a delivery has an unknown status");
  return {
    id: requireId("msg", row["id"]),
    webhookId: requireId("whk", row["webhook_id"]),
    event: readText(row, "event"),
    seq: Number(row["seq"]),
    status,
    attempts: Number(row["attempts"]),
    lastStatus: row["last_status"] === null ? null : Number(row["last_status"]),
    lastError: UNANSWERED_REASONS.find((known) => known === row["last_error"]) ?? null,
    nextAttemptAt: readNullableTime(row, "next_attempt_at"),
    createdAt: readTime(row, "created_at"),
    deliveredAt: readNullableTime(row, "delivered_at"),
  };
}
