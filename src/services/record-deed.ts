import type { AuditAction, AuditResource } from "../domain/audit-event.ts";
import { type Call, entryOf } from "../domain/call.ts";
import type { Connection } from "../domain/connection.ts";
import type { JsonObject } from "../domain/json.ts";
import type { Principal } from "../domain/principal.ts";
import type { Deps } from "./deps.ts";

/** A proven caller and where the call came from. */
export interface Caller extends Call {
  readonly principal: Principal;
}

/** A connection is named by id and provider only. */
export function resourceOf(connection: Pick<Connection, "id" | "provider">): AuditResource {
  return { type: "connection", id: connection.id, provider: connection.provider };
}

/** Records a caller's deed in its workspace's chain. */
export function recordDeed(
  deps: Pick<Deps, "audit">,
  caller: Caller,
  action: AuditAction,
  resource: AuditResource,
  detail: JsonObject = {},
): Promise<void> {
  const { principal } = caller;
  return deps.audit.record(principal.workspaceId, entryOf(action, principal, resource, caller, detail));
}
