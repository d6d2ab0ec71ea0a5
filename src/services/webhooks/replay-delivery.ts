import { AppError } from "../../domain/errors.ts";
import type { DeliveryId, WebhookId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { WebhookDelivery } from "../../domain/webhook.ts";
import type { Deps } from "../deps.ts";

/**
 * Sends a delivery again, whatever became of it and whatever patience the receiver asked for, under the same id and
 * with a whole schedule before it.
 *
 * @param webhookId Whose it must be; null = any of the workspace's.
 * @throws `not_found`; `conflict` while its webhook is not active.
 */
export async function replayDelivery(
  deps: Pick<Deps, "webhookSenders" | "webhooks">,
  principal: Principal,
  webhookId: WebhookId | null,
  id: DeliveryId,
): Promise<WebhookDelivery> {
  const scope = scopeOf(principal);
  const found = await deps.webhooks.findDelivery(scope, id);
  if (found === null || (webhookId !== null && found.delivery.webhookId !== webhookId)) {
    throw new AppError("not_found", "There is no such delivery.");
  }
  const replayed = found.isActive ? await deps.webhooks.replay(scope, id) : null;
  if (replayed === null) throw new AppError("conflict", "This webhook is not active; activate it first.");
  await deps.webhookSenders.resume({ id: replayed.webhookId, workspaceId: scope.workspaceId });
  return replayed;
}
