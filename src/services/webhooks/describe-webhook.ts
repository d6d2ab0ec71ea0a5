import { AppError } from "../../domain/errors.ts";
import type { JsonObject } from "../../domain/json.ts";
import type { Settings } from "../../domain/settings.ts";
import type { Webhook } from "../../domain/webhook.ts";
import { requireWebhookUrl } from "../../domain/webhook-url.ts";

/** What the audit log says of a webhook: its host only, since a path can hold what opens the receiver. */
export function describeWebhook({ url, events }: Pick<Webhook, "url" | "events">): JsonObject {
  return { host: new URL(url).host, events };
}

/** As the table has it. */
const MAX_URL_CHARACTERS = 2048;

/** The address as it is stored. @throws `invalid_request` when it may not be called. */
export function requireTarget(settings: Pick<Settings, "publicUrl" | "allowLoopbackWebhooks">, raw: string): string {
  const { publicUrl, allowLoopbackWebhooks: allowLoopback } = settings;
  const url = requireWebhookUrl(raw, { publicUrl, allowLoopback });
  url.hash = "";
  // Escaping can make it longer than what was typed.
  if (url.href.length > MAX_URL_CHARACTERS) throw new AppError("invalid_request", "The address is too long.");
  return url.href;
}
