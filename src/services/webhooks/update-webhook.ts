import type { WebhookId } from "../../domain/ids.ts";
import type { WebhookChange } from "../../domain/ports/webhooks.ts";
import { scopeOf } from "../../domain/principal.ts";
import type { Webhook } from "../../domain/webhook.ts";
import type { Deps } from "../deps.ts";
import { type Caller, recordDeed } from "../record-deed.ts";
import { describeWebhook, requireTarget } from "./describe-webhook.ts";
import { requireFound, requireWebhook } from "./require-webhook.ts";

type UpdateDeps = Pick<Deps, "audit" | "settings" | "webhookFanOut" | "webhookSenders" | "webhooks">;

/**
 * Changes where a webhook leads, what it is told of, or whether it is told at all. What waits is kept while it is not
 * active, and sent once it is; a new address does not wait for what the old one asked for.
 *
 * @throws `not_found`; `invalid_request` for an address that may not be called; `database_unavailable`.
 */
export async function updateWebhook(
  deps: UpdateDeps,
  caller: Caller,
  id: WebhookId,
  change: WebhookChange,
): Promise<Webhook> {
  const scope = scopeOf(caller.principal);
  const before = await requireWebhook(deps, scope, id);
  const fields = Object.keys(change);
  if (fields.length === 0) return before;
  const url = change.url === undefined ? undefined : requireTarget(deps.settings, change.url);
  const events = change.events && [...new Set(change.events)];
  if (change.isActive) await deps.webhookFanOut.expect(scope.workspaceId);
  const changed = requireFound(await deps.webhooks.update(scope, id, { ...change, url, events }));
  // The actions of the log know making and ending; what else happened to one is in the detail.
  const action = change.isActive === false ? "webhook.deleted" : "webhook.created";
  const kind = change.isActive === undefined ? "updated" : change.isActive ? "activated" : "paused";
  const detail = { change: kind, fields, ...describeWebhook(changed) };
  await recordDeed(deps, caller, action, { type: "webhook", id }, detail);
  // Also for the address it has: whoever was answered 503 here asks again.
  if (url !== undefined) await deps.webhooks.resume(scope, id);
  if (url !== undefined || change.isActive) await deps.webhookSenders.resume({ id, workspaceId: scope.workspaceId });
  return changed;
}
