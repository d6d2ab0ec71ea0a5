import type { JsonObject } from "./json.ts";

/** Every action that is recorded. The names are part of the wire contract. */
export const AUDIT_ACTIONS = [
  "user.registered",
  "user.login",
  "user.login_failed",
  "user.logout",
  "user.password_changed",
  "user.password_change_failed",
  "user.created",
  "user.updated",
  "user.deactivated",
  "session.ended",
  "apikey.created",
  "apikey.rotated",
  "apikey.revoked",
  "kubectl_token.created",
  "kubectl_token.revoked",
  "auth.failed",
  "auth.forbidden",
  "auth.impersonated",
  "limit.exceeded",
  "limiter.degraded",
  "oauth.started",
  "oauth.completed",
  "oauth.failed",
  "connection.created",
  "connection.updated",
  "connection.refreshed",
  "connection.refresh_failed",
  "connection.reauth_required",
  "connection.recovered",
  "connection.rolled_back",
  "connection.disconnected",
  "token.read",
  "proxy.called",
  "cache.rejected",
  "usage.abnormal",
  "webhook.created",
  "webhook.deleted",
  "retention.purged",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Who did it, by id; `via` names the key behind an impersonated user. */
export interface AuditActor {
  readonly type: "user" | "api_key" | "kubectl_token" | "system" | "anonymous";
  readonly id: string | null;
  readonly via?: string;
}

/** What it was done to, by id and, for a connection, provider. Never an account name or a path. */
export interface AuditResource {
  readonly type:
    | "user"
    | "session"
    | "api_key"
    | "kubectl_token"
    | "connection"
    | "provider"
    | "workspace"
    | "webhook"
    | "route";
  readonly id: string | null;
  readonly provider?: string;
}

/** An event before the log has numbered it. No secret, no password, no token in any form. */
export interface AuditEntry {
  readonly action: AuditAction;
  readonly outcome: "success" | "failure";
  readonly actor: AuditActor;
  readonly resource: AuditResource | null;
  readonly ip: string | null;
  readonly requestId: string | null;
  readonly detail: JsonObject;
}

/** A numbered event; the shape a client sees. `at` is RFC 3339 with milliseconds. */
export interface AuditEvent {
  readonly seq: number;
  readonly at: string;
  readonly action: AuditAction;
  readonly outcome: "success" | "failure";
  readonly actor: AuditActor;
  readonly resource: AuditResource | null;
  readonly ip: string | null;
  readonly request_id: string | null;
  readonly detail: JsonObject;
  readonly hash: string;
}

/** The chain of events that belong to no workspace: failed logins of unknown people, unauthenticated calls. */
export const UNAUTHENTICATED_CHAIN = "wsp_unauthenticated";
