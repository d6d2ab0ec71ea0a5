import type { AuditActor } from "../../domain/audit-event.ts";
import { ANONYMOUS, actorOf } from "../../domain/call.ts";
import type { Connection } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import type { WorkspaceId } from "../../domain/ids.ts";
import type { Principal } from "../../domain/principal.ts";

/** A proven caller. `connection`: the one read alongside, null when they may not see it, undefined when none was read. */
export interface Proven {
  readonly ok: true;
  readonly principal: Principal;
  readonly connection: Connection | null | undefined;
}

/** Why a credential was not taken; for the audit log, not for the caller. */
export type RefusalReason =
  | "no_credential"
  | "invalid_token"
  | "session_ended"
  | "invalid_key"
  | "invalid_kubectl_token"
  | "invalid_ticket"
  | "foreign_origin"
  | "token_with_origin"
  | "several_credentials"
  | "two_cookies"
  | "two_users"
  | "session_and_key"
  | "foreign_user_id"
  | "may_not_impersonate"
  | "no_such_user"
  | "missing_permission"
  | "not_a_session"
  | "not_the_operator";

/** A refusal as data, so that it can be counted before it is thrown. */
export interface Refused {
  readonly ok: false;
  readonly error: AppError;
  readonly reason: RefusalReason;
  readonly actor: AuditActor;
  /** Null when nothing that was presented proves one. */
  readonly workspaceId: WorkspaceId | null;
}

export type Authentication = Proven | Refused;

/** @param principal Who was proven before it went wrong; null = nobody. */
export function refuse(reason: RefusalReason, error: AppError, principal: Principal | null = null): Refused {
  return {
    ok: false,
    error,
    reason,
    actor: principal ? actorOf(principal) : ANONYMOUS,
    workspaceId: principal?.workspaceId ?? null,
  };
}

/** The same words whatever is wrong with the credential. */
export function unauthenticated(): AppError {
  return new AppError("unauthenticated", "Sign in, or send a valid credential.");
}
