import type { RetentionLine, RetentionStore } from "../../domain/retention.ts";
import type { Settings } from "../../domain/settings.ts";

interface PlanDeps {
  readonly retention: Pick<RetentionStore, "plan">;
  readonly settings: Pick<Settings, "auditRetentionDays">;
}

/** Everything that may be purged now, by kind and workspace: what a run does, and what a dry run shows. */
export function planRetention({ retention, settings }: PlanDeps): Promise<readonly RetentionLine[]> {
  return retention.plan(settings.auditRetentionDays);
}
