import { AppError } from "../../domain/errors.ts";
import type { SetupProject } from "../../domain/gcp-setup.ts";
import { beginEnabling, MAX_APIS_PER_CALL, REQUIRED_APIS, readEnabling } from "../../providers/google/apis.ts";
import type { AtWork, SetupDeps } from "./setup-run.ts";

const FIRST_POLL_MS = 500;
const MAX_POLL_MS = 4_000;
/** Google takes half a minute; after five the step is tried anew, which costs nothing where it is done. */
const MAX_POLLS = 75;
/** A sign of life well within the two minutes after which a set-up counts as left behind. */
const POLLS_PER_BEAT = 10;

/** Step 2: enables the required APIs in one project and waits until they are. */
export async function enableApis(
  deps: Pick<SetupDeps, "sleep">,
  { call, beat }: AtWork,
  { projectId }: SetupProject,
): Promise<{ readonly enabled: number }> {
  for (let start = 0; start < REQUIRED_APIS.length; start += MAX_APIS_PER_CALL) {
    let operation = await beginEnabling(call, projectId, REQUIRED_APIS.slice(start, start + MAX_APIS_PER_CALL));
    for (let polls = 1; operation !== null; polls++) {
      if (polls > MAX_POLLS) {
        throw new AppError("provider_unavailable", "Google Cloud is still enabling the APIs; try again later.");
      }
      await deps.sleep(Math.min(FIRST_POLL_MS * 2 ** (polls - 1), MAX_POLL_MS));
      if (polls % POLLS_PER_BEAT === 0) await beat();
      operation = await readEnabling(call, operation);
    }
  }
  return { enabled: REQUIRED_APIS.length };
}
