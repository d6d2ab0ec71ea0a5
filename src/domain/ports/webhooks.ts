import type { DeliveryId, WebhookId, WorkspaceId } from "../ids.ts";
import type { Page, PageRequest } from "../page.ts";
import type { Scope } from "../principal.ts";
import type { EpochSeconds } from "../time.ts";
import type {
  DeliveryStatus,
  InactiveReason,
  UnansweredReason,
  Webhook,
  WebhookBinding,
  WebhookDelivery,
  WebhookSubscription,
} from "../webhook.ts";

export interface NewWebhook {
  readonly id: WebhookId;
  readonly url: string;
  readonly events: readonly WebhookSubscription[];
  readonly secretRef: string;
  /** The last audit event that is before its time. */
  readonly afterSeq: number;
}

/** What is absent stays. */
export interface WebhookChange {
  readonly url?: string | undefined;
  readonly events?: readonly WebhookSubscription[] | undefined;
  readonly isActive?: boolean | undefined;
}

export interface DeliveryQuery extends PageRequest {
  readonly status: DeliveryStatus | null;
}

/** The webhooks of a workspace, as its admins see them. Deleted ones are absent to every method. */
export interface WebhookStore {
  /** Null when the workspace has `limit` already, however many are made at once. */
  create(scope: Scope, webhook: NewWebhook, limit: number): Promise<Webhook | null>;
  /** @throws `invalid_request` when `after` is not a `next` of its own. */
  list(scope: Scope, page: PageRequest): Promise<Page<Webhook>>;
  find(scope: Scope, id: WebhookId): Promise<Webhook | null>;
  /** Activating one clears what was held against it. Null when there is none. */
  update(scope: Scope, id: WebhookId, change: WebhookChange): Promise<Webhook | null>;
  /** Ends it, and drops what it was not told yet. Null when there is none. */
  remove(scope: Scope, id: WebhookId): Promise<Webhook | null>;
  /** Newest first. @throws `invalid_request` when `after` is not a `next` of its own. */
  listDeliveries(scope: Scope, id: WebhookId, query: DeliveryQuery): Promise<Page<WebhookDelivery>>;
  /** With the state of its webhook; null when there is none. */
  findDelivery(
    scope: Scope,
    id: DeliveryId,
  ): Promise<{ readonly delivery: WebhookDelivery; readonly isActive: boolean } | null>;
  /** Makes what waits for it due now, if it is active. */
  resume(scope: Scope, id: WebhookId): Promise<void>;
  /** Makes it due now, as if it had never been tried. Null when there is none, or its webhook is not active. */
  replay(scope: Scope, id: DeliveryId): Promise<WebhookDelivery | null>;
}

/** Whom an event may have to be told. */
export interface Listener {
  readonly id: WebhookId;
  readonly events: readonly string[];
  readonly afterSeq: number;
}

export interface NewDelivery {
  readonly id: DeliveryId;
  readonly webhookId: WebhookId;
  readonly seq: number;
  readonly event: string;
  readonly payload: string;
}

/** A delivery whose time has come. */
export interface DueDelivery {
  readonly id: DeliveryId;
  readonly payload: string;
  readonly attempts: number;
}

/** A webhook as its sender sees it, and what there is to send. */
export interface SenderView {
  readonly url: string;
  readonly secretRef: string;
  readonly isActive: boolean;
  readonly isDeleted: boolean;
  /** The oldest events first. */
  readonly due: readonly DueDelivery[];
  /** When the next one is due, now or later; null when there is none. */
  readonly nextAt: EpochSeconds | null;
}

/** A try, and what follows from it. */
export interface AttemptRecord {
  readonly id: DeliveryId;
  /** How many there were before: a delivery that was replayed or dropped meanwhile is left as it is. */
  readonly attemptsBefore: number;
  readonly status: "pending" | "delivered" | "failed";
  readonly lastStatus: number | null;
  readonly lastError: UnansweredReason | null;
  readonly at: EpochSeconds;
  /** Null unless it is pending. */
  readonly nextAttemptAt: EpochSeconds | null;
}

/** What is to be sent. Every method throws `database_unavailable` when Postgres does not answer, and is safe to repeat. */
export interface DeliveryQueue {
  /** The workspace's active webhooks. */
  listListeners(workspaceId: WorkspaceId): Promise<readonly Listener[]>;
  /** Adds deliveries that are due now; one that is there already is left as it is. */
  add(workspaceId: WorkspaceId, deliveries: readonly NewDelivery[]): Promise<void>;
  /** Null when the webhook is gone with all it had. */
  readDue(binding: WebhookBinding, now: EpochSeconds, limit: number): Promise<SenderView | null>;
  /** Answers how the webhook stands after it; null when it is gone. */
  recordAttempt(
    binding: WebhookBinding,
    attempt: AttemptRecord,
  ): Promise<{ readonly isActive: boolean; readonly failingSince: EpochSeconds | null } | null>;
  deactivate(binding: WebhookBinding, reason: InactiveReason): Promise<void>;
  /** Notes that the secret of a deleted webhook is gone. */
  recordErased(binding: WebhookBinding): Promise<void>;
  /** Webhooks whose sender is late, leased so that no other sweep gets them meanwhile. */
  leaseDue(limit: number, leaseSeconds: number): Promise<readonly WebhookBinding[]>;
}

/** The senders: one per webhook. */
export interface WebhookSenders {
  /** Lets the sender look for what is due. Never throws: one that cannot be told is found by the sweep. */
  nudge(binding: WebhookBinding): Promise<void>;
  /** The same, whatever patience the receiver asked for. Never throws: one that cannot be told is as patient as it was. */
  resume(binding: WebhookBinding): Promise<void>;
}

/** What the `WebhookSender` object answers over RPC. */
export interface WebhookSenderObject {
  /** Answers before anything is sent. */
  nudge(binding: WebhookBinding): Promise<void>;
  /** Answers before anything is sent. */
  resume(binding: WebhookBinding): Promise<void>;
}

/** The hand-over of events to webhooks, in the workspace's audit log. */
export interface WebhookFanOut {
  /**
   * Says that a webhook is about to be made or activated: from now on the log looks for it. To be called before the row
   * is written, so that no crash leaves a webhook nobody looks for.
   *
   * @returns the number of the last event so far.
   * @throws `database_unavailable` when the log does not answer.
   */
  expect(workspaceId: WorkspaceId): Promise<number>;
}

/** What the `AuditLog` object answers over RPC besides what is its own. */
export interface FanOutObject {
  expectWebhook(): Promise<number>;
}

/** What a receiver answered; its body is read at most to 64 KiB, and by nobody. */
export type PostAnswer =
  | { readonly kind: "answered"; readonly status: number; readonly retryAfter: string | null }
  | { readonly kind: "unanswered"; readonly reason: UnansweredReason };

/** Posts to an address somebody gave us: guarded, without redirects, for 15 seconds at most. Never throws. */
export type PostWebhook = (url: string, headers: Readonly<Record<string, string>>, body: string) => Promise<PostAnswer>;
