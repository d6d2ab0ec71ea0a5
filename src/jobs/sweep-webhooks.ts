import type { Deps } from "../services/deps.ts";

/** A page is nudged at once; a Worker has six connections out at a time, and a nudge is one. */
const PAGE = 50;
/** Long enough for a sender to get through to a slow receiver; then the webhook may be swept again. */
const LEASE_SECONDS = 180;
/** A cron run has 30 s of CPU: what is left over waits for the next minute. */
const MAX_PAGES = 100;

/** Every minute: wakes the senders of webhooks whose alarm was missed. The work is theirs. */
export async function sweepWebhooks(deps: Pick<Deps, "webhookDeliveries" | "webhookSenders">): Promise<void> {
  for (let page = 0; page < MAX_PAGES; page++) {
    const due = await deps.webhookDeliveries.leaseDue(PAGE, LEASE_SECONDS);
    await Promise.all(due.map((binding) => deps.webhookSenders.nudge(binding)));
    if (due.length < PAGE) return;
  }
}
