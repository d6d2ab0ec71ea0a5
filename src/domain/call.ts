import type { AuditAction, AuditActor, AuditEntry, AuditResource } from "./audit-event.ts";
import type { JsonObject } from "./json.ts";
import type { Principal } from "./principal.ts";

/** What the audit log remembers of a call besides who made it. */
export interface Call {
  /** The caller's address as Cloudflare saw it; null when it is unknown. */
  readonly ip: string | null;
  readonly requestId: string | null;
}

/** A call of a browser or a client that names itself. */
export interface ClientCall extends Call {
  /** As sent, to be stripped before it is stored. */
  readonly userAgent: string | null;
}

/** Nobody that is known. */
export const ANONYMOUS: AuditActor = { type: "anonymous", id: null };

/** What the service does by itself, in nobody's call. */
export function bySystem(part: string): Call & Pick<AuditEntry, "actor"> {
  return { actor: { type: "system", id: part }, ip: null, requestId: null };
}

/** Names a proven caller in the audit log: an impersonated user together with the key behind it. */
export function actorOf(principal: Pick<Principal, "id" | "credential" | "impersonatedBy">): AuditActor {
  if (principal.impersonatedBy !== null) return { type: "user", id: principal.id, via: principal.impersonatedBy };
  const { kind } = principal.credential;
  return { type: kind === "session" ? "user" : kind, id: principal.id };
}

/** A successful act of a proven caller, ready for the log. `detail` holds no secret and no email. */
export function entryOf(
  action: AuditAction,
  principal: Pick<Principal, "id" | "credential" | "impersonatedBy">,
  resource: AuditResource,
  call: Call,
  detail: JsonObject = {},
): AuditEntry {
  const { ip, requestId } = call;
  return { action, outcome: "success", actor: actorOf(principal), resource, ip, requestId, detail };
}
