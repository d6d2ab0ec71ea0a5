import type { AttemptRecord } from "../../domain/ports/webhooks.ts";
import type { EpochSeconds } from "../../domain/time.ts";
import type { InactiveReason, WebhookBinding } from "../../domain/webhook.ts";
import type { Deps } from "../deps.ts";

/** What a sender remembers besides what is in Postgres. */
export interface SenderRecord {
  readonly binding: WebhookBinding;
  /** Tries Postgres does not know of yet: they are not made again because it was away. */
  readonly unrecorded: readonly AttemptRecord[];
  /** Why the webhook is to be deactivated; null = it is not. */
  readonly ending: InactiveReason | null;
  /** Until when the receiver asked to be left alone; null = it did not. */
  readonly heldOffUntil: EpochSeconds | null;
  /** Runs in a row that a store failed. */
  readonly failures: number;
}

/** A sender's own storage. Reads and writes are synchronous; what follows a write waits until it is durable. */
export interface SenderState {
  /** Null before the first nudge. */
  read(): SenderRecord | null;
  write(record: SenderRecord): void;
  clear(): void;
  /** Wakes the sender at `atMs` (milliseconds since the epoch), replacing an earlier alarm. */
  wakeAt(atMs: number): void;
  /** Lets it sleep until it is nudged. */
  sleep(): void;
}

/** What one sender works with. */
export interface Sender {
  readonly deps: Pick<
    Deps,
    "audit" | "log" | "metrics" | "now" | "postWebhook" | "random" | "secrets" | "settings" | "webhookDeliveries"
  >;
  readonly state: SenderState;
  /**
   * Of this life: whether somebody nudged it since the run under way began, and whether an admin's word is newer than
   * what the run knows of the webhook, and than what its receiver asks for.
   */
  readonly underWay: { isNudged: boolean; isResumed: boolean };
}

/** Binds the sender to its webhook and lets it wake at once. */
export function nudgeSender(sender: Sender, binding: WebhookBinding): void {
  const known = sender.state.read();
  if (known === null) sender.state.write({ binding, unrecorded: [], ending: null, heldOffUntil: null, failures: 0 });
  sender.underWay.isNudged = true;
  sender.state.wakeAt(sender.deps.now() * 1000);
}

/** The same, and forgets that the receiver asked to be left alone: somebody who knows better wants it sent. */
export function resumeSender(sender: Sender, binding: WebhookBinding): void {
  nudgeSender(sender, binding);
  sender.underWay.isResumed = true;
  updateRecord(sender, { heldOffUntil: null });
}

export function requireRecord(sender: Sender): SenderRecord {
  const record = sender.state.read();
  if (record === null) throw new Error("a sender was used before it was bound to a webhook");
  return record;
}

/** Changes the record in one step. */
export function updateRecord(sender: Sender, change: Partial<SenderRecord>): void {
  sender.state.write({ ...requireRecord(sender), ...change });
}
