import type { AuditAction } from "../../domain/audit-event.ts";
import type { ConnectionBinding } from "../../domain/connection.ts";
import type { JsonObject } from "../../domain/json.ts";
import type { Disconnector } from "../../domain/ports/keepers.ts";
import type { Keeper } from "./keeper.ts";

/** Nobody asked for it: the keeper's own deed. */
const ITSELF: Disconnector = { actor: { type: "system", id: "keeper" }, ip: null, requestId: null };

/** Records what a keeper did, by itself or for whoever asked, in the workspace's chain. */
export function auditKeeper(
  keeper: Keeper,
  binding: ConnectionBinding,
  action: AuditAction,
  outcome: "success" | "failure",
  detail: JsonObject = {},
  by: Disconnector = ITSELF,
): Promise<void> {
  return keeper.deps.audit.record(binding.workspaceId, {
    action,
    outcome,
    resource: { type: "connection", id: binding.id, provider: binding.provider },
    ...by,
    detail,
  });
}
