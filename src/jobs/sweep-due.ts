import type { ConnectionBinding } from "../domain/connection.ts";
import { isAppError } from "../domain/errors.ts";
import type { Deps } from "../services/deps.ts";

/** A page is nudged at once; a Worker has six connections out at a time, and a nudge is one. */
const PAGE = 50;
/** Long enough for a keeper to ask a slow provider; then the row may be swept again. */
const LEASE_SECONDS = 180;
/** A cron run has 30 s of CPU: what is left over waits for the next minute. */
const MAX_PAGES = 100;

/** Wakes the keepers of connections that are past due: their alarm was missed. The work is theirs. */
export async function sweepDue(deps: Pick<Deps, "connections" | "keepers" | "log">): Promise<void> {
  for (let page = 0; page < MAX_PAGES; page++) {
    const due = await deps.connections.leaseDue(PAGE, LEASE_SECONDS);
    await Promise.all(due.map((binding) => nudge(deps, binding)));
    if (due.length < PAGE) return;
  }
}

async function nudge(deps: Pick<Deps, "keepers" | "log">, binding: ConnectionBinding): Promise<void> {
  try {
    await deps.keepers.nudge(binding);
  } catch (error) {
    // One keeper in trouble must not keep the others waiting: its lease ends and the next sweep finds it again.
    if (!isAppError(error)) deps.log.error("a nudge failed", { connection: binding.id });
  }
}
