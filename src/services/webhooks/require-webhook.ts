import { AppError } from "../../domain/errors.ts";
import type { WebhookId } from "../../domain/ids.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Webhook } from "../../domain/webhook.ts";
import type { Deps } from "../deps.ts";

/** The webhook of the caller's workspace. @throws `not_found` */
export async function requireWebhook(deps: Pick<Deps, "webhooks">, scope: Scope, id: WebhookId): Promise<Webhook> {
  return requireFound(await deps.webhooks.find(scope, id));
}

/** @throws `not_found` for what is null. */
export function requireFound(webhook: Webhook | null): Webhook {
  if (webhook === null) throw new AppError("not_found", "There is no such webhook.");
  return webhook;
}
