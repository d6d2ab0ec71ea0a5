import { warnOfEndingCredentials } from "../services/connections/warn-of-ending-credentials.ts";
import type { Deps } from "../services/deps.ts";

/** Every day: credentials that end soon are warned of. */
export function warnOfEnds(deps: Pick<Deps, "audit" | "connections">): Promise<void> {
  return warnOfEndingCredentials(deps);
}
