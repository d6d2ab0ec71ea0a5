import { parseSecretRef } from "../../domain/secret-ref.ts";
import type { WebhookBinding } from "../../domain/webhook.ts";
import type { Deps } from "../deps.ts";

/**
 * Erases the secret of a deleted webhook, and notes that it is gone. Safe to repeat.
 *
 * @throws `vault_unavailable`; `database_unavailable`: until it is noted, the sweep comes again.
 */
export async function eraseSigningSecret(
  deps: Pick<Deps, "secrets" | "settings" | "webhookDeliveries">,
  binding: WebhookBinding,
  secretRef: string,
): Promise<void> {
  await deps.secrets.erase(parseSecretRef(secretRef, deps.settings.vaultMount));
  await deps.webhookDeliveries.recordErased(binding);
}
