import { AppError } from "../../domain/errors.ts";
import type { DeliveryId, WebhookId } from "../../domain/ids.ts";
import { scopeOf } from "../../domain/principal.ts";
import type { WebhookDelivery } from "../../domain/webhook.ts";
import type { Deps } from "../deps.ts";
import { type Caller, recordDeed } from "../record-deed.ts";

/**
 * Sends a delivery again, whatever became of it and whatever patience the receiver asked for, under the same id and
 * with a whole schedule before it.
 *
 * @param webhookId Whose it must be; null = any of the workspace's.
 * @throws `not_found`; `conflict` while its webhook is not active.
 */
export async function replayDelivery(
  deps: Pick<Deps, "audit" | "webhookSenders" | "webhooks">,
  caller: Caller,
  webhookId: WebhookId | null,
  id: DeliveryId,
): Promise<WebhookDelivery> {
  const scope = scopeOf(caller.principal);
  const found = await deps.webhooks.findDelivery(scope, id);
  if (found === null || (webhookId !== null && found.delivery.webhookId !== webhookId)) {
    throw new AppError("not_found", "There is no such delivery.");
  }
  const replayed = found.isActive ? await deps.webhooks.replay(scope, id) : null;
  if (replayed === null) throw new AppError("conflict", "This webhook is not active; activate it first.");
  const webhook = replayed.webhookId;
  const detail = { change: "replayed", delivery: id, event: replayed.event, seq: replayed.seq };
  await recordDeed(deps, caller, "webhook.created", { type: "webhook", id: webhook }, detail);
  await deps.webhookSenders.resume({ id: webhook, workspaceId: scope.workspaceId });
  return replayed;
}
