import type { Deps } from "../services/deps.ts";
import { wakeSetups } from "../services/gcp-setup/wake-setups.ts";

/** Every minute: set-ups that were left behind go on. */
export function resumeSetups(deps: Pick<Deps, "gcpSetupRuns" | "gcpSetups" | "log" | "settings">): Promise<void> {
  return wakeSetups(deps);
}
