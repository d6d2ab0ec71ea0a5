import type { SetupOrder } from "../domain/gcp-setup.ts";
import type { GcpSetupRuns, RunState } from "../domain/ports/gcp-setups.ts";

/** What a Workflow binding offers of it. */
export type SetupWorkflow = Pick<Workflow, "create" | "get">;

const ENDED: readonly InstanceStatus["status"][] = ["complete", "errored", "terminated"];

export function createGcpSetupRuns(workflow: SetupWorkflow): GcpSetupRuns {
  return {
    async start(order) {
      try {
        await workflow.create({ id: instanceIdOf(order), params: order });
      } catch (error) {
        if (!isAbout(error, "already_exists")) throw error;
      }
    },
    state: (order) => stateOf(workflow, order),
    async wake(order) {
      const instance = await workflow.get(instanceIdOf(order));
      // Neither alone does it. One that is in the middle of a step takes the pause back when it is asked to resume.
      await instance.pause();
      await instance.resume();
    },
  };
}

/** The connection's id; an id is used once, so later attempts carry their number. */
export function instanceIdOf({ connectionId, attempt }: SetupOrder): string {
  return attempt === 1 ? connectionId : `${connectionId}-${attempt}`;
}

async function stateOf(workflow: SetupWorkflow, order: SetupOrder): Promise<RunState> {
  try {
    const instance = await workflow.get(instanceIdOf(order));
    return ENDED.includes((await instance.status()).status) ? "ended" : "alive";
  } catch (error) {
    if (isAbout(error, "not_found")) return "absent";
    throw error;
  }
}

/** The binding's errors carry their code in the text, with or without a sentence: `instance.not_found`, `(instance.already_exists)`. */
function isAbout(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.includes(`instance.${code}`);
}
