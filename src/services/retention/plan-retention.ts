import type { RetentionLine, RetentionStore } from "../../domain/retention.ts";

/** Everything that may be purged now, by kind and workspace: what a run does, and what a dry run shows. */
export function planRetention(deps: { readonly retention: RetentionStore }): Promise<readonly RetentionLine[]> {
  return deps.retention.plan();
}
