import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import type { Bindings } from "../bindings.ts";
import { createDeps } from "../deps.ts";
import type { SetupOrder } from "../domain/gcp-setup.ts";
import { runSetup } from "../services/gcp-setup/run-setup.ts";
import type { Patience, StepRunner } from "../services/gcp-setup/setup-run.ts";

/** `usual`: 5, 10, 20 … 160 s, longer than a grant takes to be known everywhere. `long`: an hour of a database away. */
const RETRIES = {
  usual: { limit: 6, delay: "5 seconds", backoff: "exponential" },
  long: { limit: 120, delay: "30 seconds", backoff: "constant" },
} as const satisfies Readonly<Record<Patience, object>>;
/** Longer than a step waits for the longest operation it starts. */
const TIMEOUT = "15 minutes";

/** One per attempt at a set-up of Google Cloud: the seven steps, each done once whatever is restarted. */
export class GcpSetup extends WorkflowEntrypoint<Bindings, SetupOrder> {
  override async run({ payload: order }: WorkflowEvent<SetupOrder>, step: WorkflowStep): Promise<{ end: string }> {
    const deps = createDeps(this.env, this.ctx);
    return { end: await runSetup({ deps, order, runner: createRunner(step) }) };
  }
}

/** Answers are kept as JSON text: what is read back after a restart is what was returned before. */
function createRunner(step: WorkflowStep): StepRunner {
  return {
    async run<Answer>(name: string, patience: Patience, work: (attempt: { isLast: boolean }) => Promise<Answer>) {
      const retries = RETRIES[patience];
      const text = await step.do(name, { retries, timeout: TIMEOUT }, async ({ attempt }) =>
        JSON.stringify(await work({ isLast: attempt > retries.limit })),
      );
      return JSON.parse(text) as Answer;
    },
  };
}
