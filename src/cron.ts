import { applyRetention } from "./jobs/apply-retention.ts";
import { resumeSetups } from "./jobs/resume-setups.ts";
import { sweepDue } from "./jobs/sweep-due.ts";
import { sweepWebhooks } from "./jobs/sweep-webhooks.ts";
import { warnOfEnds } from "./jobs/warn-of-ends.ts";
import type { Deps } from "./services/deps.ts";

/** Which job each cron expression of wrangler.toml runs. */
const JOBS: Readonly<Record<string, (deps: Deps) => Promise<void>>> = {
  "* * * * *": (deps) => inOrder(deps, sweepDue, resumeSetups, sweepWebhooks),
  "17 3 * * *": (deps) => inOrder(deps, warnOfEnds, applyRetention),
};

/** Runs the job of a cron expression; an expression nobody knows is a mistake in wrangler.toml. */
export async function runCron(cron: string, deps: Deps): Promise<void> {
  const job = JOBS[cron];
  if (job === undefined) throw new Error("no job is registered for this cron expression");
  await job(deps);
}

/** One after the other, each whatever became of the one before; a failure is the run's. */
async function inOrder(deps: Deps, ...jobs: readonly ((deps: Deps) => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const job of jobs) await job(deps).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
