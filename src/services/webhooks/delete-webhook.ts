import { isAppError } from "../../domain/errors.ts";
import type { WebhookId } from "../../domain/ids.ts";
import { scopeOf } from "../../domain/principal.ts";
import type { WebhookBinding } from "../../domain/webhook.ts";
import type { Deps } from "../deps.ts";
import { type Caller, recordDeed } from "../record-deed.ts";
import { describeWebhook } from "./describe-webhook.ts";
import { eraseSigningSecret } from "./erase-signing-secret.ts";
import { requireFound } from "./require-webhook.ts";

type DeleteDeps = Pick<Deps, "audit" | "secrets" | "settings" | "webhookDeliveries" | "webhooks">;

/**
 * Ends a webhook: nothing is sent to it any more, what waited is dropped, and its secret is erased.
 *
 * @returns `pending` while the secret store is away: its sender erases the secret later.
 * @throws `not_found`; `database_unavailable`.
 */
export async function deleteWebhook(deps: DeleteDeps, caller: Caller, id: WebhookId): Promise<"erased" | "pending"> {
  const scope = scopeOf(caller.principal);
  const webhook = requireFound(await deps.webhooks.remove(scope, id));
  await recordDeed(deps, caller, "webhook.deleted", { type: "webhook", id }, describeWebhook(webhook));
  const binding: WebhookBinding = { id, workspaceId: scope.workspaceId };
  try {
    await eraseSigningSecret(deps, binding, webhook.secretRef);
    return "erased";
  } catch (error) {
    if (!isAppError(error)) throw error;
    return "pending";
  }
}
