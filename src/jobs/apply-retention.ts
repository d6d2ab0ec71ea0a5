import type { Deps } from "../services/deps.ts";
import { applyRetention as apply } from "../services/retention/apply-retention.ts";

/** Every day: what ended long ago is purged, and the log says how much. */
export async function applyRetention(deps: Deps): Promise<void> {
  const results = await apply(deps);
  for (const { kind, planned, purged } of results) deps.log.info("purged", { kind, planned, purged });
}
