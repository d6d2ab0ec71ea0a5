import type { SetupOrder, SetupResult } from "../../domain/gcp-setup.ts";
import type { Deps } from "../deps.ts";

type WakeDeps = Pick<Deps, "gcpSetupRuns" | "gcpSetups" | "log" | "settings">;

/** An attempt nobody heard of for so long was left behind; one that waits for Google says so more often. */
const IDLE_SECONDS = 120;
const LIMIT = 50;

const ENDED: SetupResult = {
  status: "failed",
  message: "The set-up ended unexpectedly. Select the projects again, or connect the account again.",
  ...{ projects: [], problems: [], skipped_projects: [], billing_exports: [], action_required: [] },
};

/**
 * Sees to attempts that were left behind: starts what never started, notes the end of what ended without a word, and
 * outside production makes the rest go on: a Workflow of the local runtime does not do so by itself after a crash.
 */
export async function wakeSetups(deps: WakeDeps): Promise<void> {
  for (const order of await deps.gcpSetups.takeStalled(LIMIT, IDLE_SECONDS)) {
    try {
      await wake(deps, order);
    } catch {
      // One in trouble must not keep the others waiting: it is found again in two minutes.
      deps.log.error("a set-up could not be woken", { connection: order.connectionId });
    }
  }
}

async function wake(deps: WakeDeps, order: SetupOrder): Promise<void> {
  const state = await deps.gcpSetupRuns.state(order);
  if (state === "absent") return deps.gcpSetupRuns.start(order);
  if (state === "alive") {
    if (deps.settings.environment !== "production") await deps.gcpSetupRuns.wake(order);
    return;
  }
  const scope = { userId: order.ownerId, workspaceId: order.workspaceId };
  const end = { status: "failed", result: ENDED, projects: null } as const;
  await deps.gcpSetups.finish(scope, order.connectionId, order.attempt, end);
}
