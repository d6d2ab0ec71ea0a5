import type { WebhookId } from "../../domain/ids.ts";
import type { Page, PageRequest } from "../../domain/page.ts";
import type { DeliveryQuery } from "../../domain/ports/webhooks.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Webhook, WebhookDelivery } from "../../domain/webhook.ts";
import type { Deps } from "../deps.ts";
import { requireWebhook } from "./require-webhook.ts";

/** The webhooks of the caller's workspace, oldest first. @throws `invalid_request` when `after` is no `next` of the list. */
export function listWebhooks(
  deps: Pick<Deps, "webhooks">,
  principal: Principal,
  request: PageRequest,
): Promise<Page<Webhook>> {
  return deps.webhooks.list(scopeOf(principal), request);
}

/** What a webhook was told of, or is to be, newest first. @throws as {@link listWebhooks}; `not_found`. */
export async function listDeliveries(
  deps: Pick<Deps, "webhooks">,
  principal: Principal,
  id: WebhookId,
  query: DeliveryQuery,
): Promise<Page<WebhookDelivery>> {
  const scope = scopeOf(principal);
  await requireWebhook(deps, scope, id);
  return deps.webhooks.listDeliveries(scope, id, query);
}
