import { bySystem } from "../../domain/call.ts";
import { endingOf } from "../../domain/webhook-attempt.ts";
import { requireRecord, type Sender, updateRecord } from "./sender.ts";

/** How a try counts, by what became of its delivery. */
const OUTCOMES = { delivered: "delivered", pending: "failed", failed: "given_up" } as const;

/**
 * Tells Postgres of the tries it does not know of, and ends a webhook that is to be ended by them.
 *
 * @returns whether the webhook is active afterwards, as far as there was anything to tell; otherwise true.
 * @throws `database_unavailable`: what was not told stays, and repeating is safe.
 */
export async function recordAttempts(sender: Sender): Promise<boolean> {
  let isActive = true;
  for (let [attempt] = requireRecord(sender).unrecorded; attempt; [attempt] = requireRecord(sender).unrecorded) {
    const { binding, unrecorded } = requireRecord(sender);
    const standing = await sender.deps.webhookDeliveries.recordAttempt(binding, attempt);
    const ending = endingOf(attempt, standing?.failingSince ?? null);
    isActive = standing?.isActive === true && ending === null;
    updateRecord(sender, { unrecorded: unrecorded.slice(1), ending: standing?.isActive ? ending : null });
    sender.deps.metrics.count("aurora_webhook_deliveries_total", { outcome: OUTCOMES[attempt.status] });
    await endIfDue(sender);
  }
  await endIfDue(sender);
  return isActive;
}

/** The reason is remembered until both are done: a crash in between may say it twice, but not leave it unsaid. */
async function endIfDue(sender: Sender): Promise<void> {
  const { deps } = sender;
  const { binding, ending } = requireRecord(sender);
  if (ending === null) return;
  await deps.webhookDeliveries.deactivate(binding, ending);
  await deps.audit.record(binding.workspaceId, {
    action: "webhook.deleted",
    outcome: "success",
    ...bySystem("webhooks"),
    resource: { type: "webhook", id: binding.id },
    detail: { change: "deactivated", reason: ending },
  });
  updateRecord(sender, { ending: null });
}
