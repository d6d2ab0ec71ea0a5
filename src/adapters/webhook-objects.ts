import { AppError } from "../domain/errors.ts";
import type { Log } from "../domain/ports/log.ts";
import type { FanOutObject, WebhookFanOut, WebhookSenderObject, WebhookSenders } from "../domain/ports/webhooks.ts";

/** @param find The sender of a webhook id. */
export function createWebhookSenders(find: (webhookId: string) => WebhookSenderObject, log: Log): WebhookSenders {
  return {
    nudge: async (binding) => {
      try {
        await find(binding.id).nudge(binding);
      } catch {
        // What is lost is promptness: the webhook is due in Postgres, where the sweep finds it.
        log.error("a webhook's sender could not be nudged", { webhook: binding.id });
      }
    },
    resume: async (binding) => {
      try {
        await find(binding.id).resume(binding);
      } catch {
        // The same; and what the receiver asked for stands, for an hour at most.
        log.error("a webhook's sender could not be resumed", { webhook: binding.id });
      }
    },
  };
}

/** @param find The audit log of a workspace id. */
export function createWebhookFanOut(find: (workspaceId: string) => FanOutObject): WebhookFanOut {
  return {
    expect: async (workspaceId) => {
      try {
        return await find(workspaceId).expectWebhook();
      } catch {
        throw new AppError("database_unavailable", "The audit log did not answer; try again.");
      }
    },
  };
}
