import { AppError } from "../../domain/errors.ts";
import { createId } from "../../domain/ids.ts";
import { scopeOf } from "../../domain/principal.ts";
import { createSecretRef, parseSecretRef } from "../../domain/secret-ref.ts";
import { MAX_WEBHOOKS, type Webhook, type WebhookBinding, type WebhookSubscription } from "../../domain/webhook.ts";
import { createWebhookSecret, webhookSecretName } from "../../domain/webhook-secret.ts";
import type { Deps } from "../deps.ts";
import { type Caller, recordDeed } from "../record-deed.ts";
import { describeWebhook, requireTarget } from "./describe-webhook.ts";

export interface WebhookDraft {
  readonly url: string;
  readonly events: readonly WebhookSubscription[];
}

/** A webhook with the one sight of a signing secret. */
export interface IssuedWebhook {
  readonly webhook: Webhook;
  readonly secret: string;
}

type CreateDeps = Pick<Deps, "audit" | "random" | "secrets" | "settings" | "webhookFanOut" | "webhooks">;

/**
 * Makes a webhook of the caller's workspace. It is told of what happens from now on.
 *
 * The log is told first and the secret stored before the row: whatever fails in between leaves no webhook that nobody
 * looks for, and none that cannot sign; at most a secret that no row names.
 *
 * @throws `invalid_request` for an address that may not be called; `conflict` when the workspace has as many as it may;
 *         `vault_unavailable`; `database_unavailable`.
 */
export async function createWebhook(deps: CreateDeps, caller: Caller, draft: WebhookDraft): Promise<IssuedWebhook> {
  const scope = scopeOf(caller.principal);
  const url = requireTarget(deps.settings, draft.url);
  const afterSeq = await deps.webhookFanOut.expect(scope.workspaceId);
  const id = createId("whk", deps.random);
  const { secret, secretRef } = await storeFirstSecret(deps, { id, workspaceId: scope.workspaceId });
  const events = [...new Set(draft.events)];
  const webhook = await deps.webhooks.create(scope, { id, url, events, secretRef, afterSeq }, MAX_WEBHOOKS);
  if (webhook === null) {
    // Should this fail as well, a secret is left that signs nothing.
    await deps.secrets.erase(parseSecretRef(secretRef, deps.settings.vaultMount)).catch(() => undefined);
    throw new AppError("conflict", `A workspace has at most ${MAX_WEBHOOKS} webhooks; delete one first.`);
  }
  await recordDeed(deps, caller, "webhook.created", { type: "webhook", id }, describeWebhook(webhook));
  return { webhook, secret };
}

async function storeFirstSecret(deps: Pick<Deps, "random" | "secrets" | "settings">, binding: WebhookBinding) {
  const { environment, vaultMount, vaultBasePath } = deps.settings;
  const secret = createWebhookSecret(deps.random);
  const secretRef = createSecretRef(vaultMount, vaultBasePath, webhookSecretName(environment, binding));
  const place = parseSecretRef(secretRef, vaultMount);
  await deps.secrets.label(place, { webhook: binding.id, workspace: binding.workspaceId });
  const version = await deps.secrets.write(place, { current: secret, previous: [] }, 0);
  if (version === null) throw new Error("a new webhook's secret is there already");
  return { secret, secretRef };
}
