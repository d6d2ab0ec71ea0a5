import { AppError } from "../../domain/errors.ts";
import type { WebhookId } from "../../domain/ids.ts";
import { scopeOf } from "../../domain/principal.ts";
import { parseSecretRef } from "../../domain/secret-ref.ts";
import { addSeconds, type EpochSeconds } from "../../domain/time.ts";
import { createWebhookSecret, parseSigningSecrets, rotateSecrets } from "../../domain/webhook-secret.ts";
import type { Deps } from "../deps.ts";
import { type Caller, recordDeed } from "../record-deed.ts";
import type { IssuedWebhook } from "./create-webhook.ts";
import { requireWebhook } from "./require-webhook.ts";

/** A header with more signatures than this would be a burden to whoever checks them. */
const MAX_SECRETS = 5;

/** A webhook with its new secret, and until when the old one signs beside it. */
export interface RotatedWebhook extends IssuedWebhook {
  readonly previousUntil: EpochSeconds;
}

/**
 * Gives a webhook a new signing secret. Those before it sign beside it for `graceSeconds`, or until the end they had
 * already when that is sooner; with 0 they are worthless at once. What waited because there was none is sent.
 *
 * @throws `not_found`; `conflict` when somebody else rotates it at the same time, or too many secrets are in their grace;
 *         `vault_unavailable`; `database_unavailable`.
 */
export async function rotateWebhookSecret(
  deps: Pick<Deps, "audit" | "now" | "random" | "secrets" | "settings" | "webhookSenders" | "webhooks">,
  caller: Caller,
  id: WebhookId,
  graceSeconds: number,
): Promise<RotatedWebhook> {
  const scope = scopeOf(caller.principal);
  const webhook = await requireWebhook(deps, scope, id);
  const place = parseSecretRef(webhook.secretRef, deps.settings.vaultMount);
  const stored = await deps.secrets.read(place);
  const secret = createWebhookSecret(deps.random);
  const now = deps.now();
  const previousUntil = addSeconds(now, graceSeconds);
  const known = stored && parseSigningSecrets(stored.data);
  const rotated = rotateSecrets(known, secret, now, previousUntil);
  if (rotated.previous.length >= MAX_SECRETS) {
    throw new AppError("conflict", "Too many earlier secrets are in their grace; rotate with grace_seconds 0.");
  }
  const cas = stored?.version ?? (await deps.secrets.readNewestVersion(place));
  const version = await deps.secrets.write(place, { ...rotated }, cas);
  if (version === null) throw new AppError("conflict", "This secret was changed at the same time; try again.");
  if ((await deps.webhooks.find(scope, id)) === null) {
    // Deleted meanwhile: what was erased must not come back.
    await deps.secrets.erase(place);
    await requireWebhook(deps, scope, id);
  }
  const detail = { change: "rotated", grace_seconds: graceSeconds };
  await recordDeed(deps, caller, "webhook.created", { type: "webhook", id }, detail);
  if (known === null) {
    // Should this fail, what waits is sent at its time: no reason to keep the new secret from whoever asked for it.
    await deps.webhooks.resume(scope, id).catch(() => undefined);
    await deps.webhookSenders.resume({ id, workspaceId: scope.workspaceId });
  }
  return { webhook, secret, previousUntil };
}
