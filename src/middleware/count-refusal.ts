import type { Context } from "hono";
import { routePath } from "hono/route";
import { addressKey } from "../domain/address.ts";
import { type AuditActor, UNAUTHENTICATED_CHAIN } from "../domain/audit-event.ts";
import type { WorkspaceId } from "../domain/ids.ts";
import type { AppEnv } from "./app-env.ts";

/** Somebody who was not let in, or not let do it. */
export interface Refusal {
  readonly action: "auth.failed" | "auth.forbidden";
  readonly actor: AuditActor;
  /** Null when nothing that was presented proves one. */
  readonly workspaceId: WorkspaceId | null;
  readonly reason: string;
}

/**
 * Counts the refusal in the audit log, by caller and reason: a flood of them does not grow it, and none of them is
 * recorded as another. Not by route: a caller can ask every route there is.
 */
export async function countRefusal(c: Context<AppEnv>, refusal: Refusal): Promise<void> {
  const { action, actor, workspaceId, reason } = refusal;
  // The pattern, not the path: a path can hold a ticket. The last that matches is the route's own.
  const route = `${c.req.method} ${routePath(c, -1)}`;
  const caller = actor.id === null ? addressKey(c.var.ip) : [actor.via, actor.id].join(">");
  await c.var.deps.audit.count(workspaceId ?? UNAUTHENTICATED_CHAIN, `${action}:${reason}:${caller}`, {
    action,
    outcome: "failure",
    actor,
    resource: { type: "route", id: route },
    ip: c.var.ip,
    requestId: c.var.requestId,
    detail: { reason },
  });
  c.set("isRefusalCounted", true);
}
