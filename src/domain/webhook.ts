import type { AuditAction } from "./audit-event.ts";
import type { DeliveryId, OwnerId, WebhookId, WorkspaceId } from "./ids.ts";
import type { EpochSeconds } from "./time.ts";

/** Every event that can be sent: each is recorded once when something changes, not again while it stays so. */
export const WEBHOOK_EVENTS = [
  "connection.refresh_failed",
  "connection.reauth_required",
  "connection.recovered",
  "connection.disconnected",
  "apikey.created",
  "apikey.rotated",
  "apikey.revoked",
  "usage.abnormal",
] as const satisfies readonly AuditAction[];
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What a webhook may ask for: one event, or all of a group, with those that are added to it later. */
export const WEBHOOK_SUBSCRIPTIONS = [...WEBHOOK_EVENTS, "apikey.*", "connection.*"] as const;
export type WebhookSubscription = (typeof WEBHOOK_SUBSCRIPTIONS)[number];

/** True when whoever asked for `subscriptions` is to be told of `event`. */
export function isSubscribed(subscriptions: readonly string[], event: string): boolean {
  const group = `${event.split(".")[0]}.*`;
  return subscriptions.includes(event) || subscriptions.includes(group);
}

/** Each costs a request for every event it asks for. */
export const MAX_WEBHOOKS = 20;

/** `paused` by an admin; `gone`: the receiver answered 410; `failing`: nothing got through for days. */
export const INACTIVE_REASONS = ["paused", "gone", "failing"] as const;
export type InactiveReason = (typeof INACTIVE_REASONS)[number];

/** An address a workspace is told of events at. */
export interface Webhook {
  readonly id: WebhookId;
  readonly url: string;
  readonly events: readonly WebhookSubscription[];
  /** Where its signing secret lives, `vault:kv/data/…`; never shown. */
  readonly secretRef: string;
  /** Null while it is active. */
  readonly inactiveReason: InactiveReason | null;
  /** The first failed try after the last good one; null while it works. */
  readonly failingSince: EpochSeconds | null;
  readonly createdBy: OwnerId;
  readonly createdAt: EpochSeconds;
  readonly updatedAt: EpochSeconds;
}

/** Which webhook of which workspace: all an object needs to find its rows. */
export interface WebhookBinding {
  readonly id: WebhookId;
  readonly workspaceId: WorkspaceId;
}

/** `dropped`: its webhook was deleted before it was sent. */
export const DELIVERY_STATUSES = ["pending", "delivered", "failed", "dropped"] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** Why a try has no status. `refused`: the address is not one we call; `unsigned`: the signing secret is gone. */
export const UNANSWERED_REASONS = ["timeout", "unreachable", "refused", "unsigned"] as const;
export type UnansweredReason = (typeof UNANSWERED_REASONS)[number];

/** One event for one webhook, and what became of it. */
export interface WebhookDelivery {
  /** Sent as `webhook-id`, the same at every try and replay. */
  readonly id: DeliveryId;
  readonly webhookId: WebhookId;
  readonly event: string;
  /** The number of the audit event. */
  readonly seq: number;
  readonly status: DeliveryStatus;
  /** Tries made since it was last made pending. */
  readonly attempts: number;
  /** What the receiver answered last; null when it did not. */
  readonly lastStatus: number | null;
  readonly lastError: UnansweredReason | null;
  /** Null unless it is pending. */
  readonly nextAttemptAt: EpochSeconds | null;
  readonly createdAt: EpochSeconds;
  readonly deliveredAt: EpochSeconds | null;
}
