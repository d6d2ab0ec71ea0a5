import { AppError } from "./errors.ts";
import type { ApiKeyId, KubectlTokenId, PrincipalId, SessionId, UserId, WorkspaceId } from "./ids.ts";
import type { Permission, Role } from "./permissions.ts";
import type { EpochSeconds } from "./time.ts";

/** Who is calling, proven, and as whom they act. */
export interface Principal {
  /**
   * As whom the call acts: the user, the key (the first of its line, when it was rotated), the agent's token, or the user
   * a key impersonates. Row-level security sees this id.
   */
  readonly id: PrincipalId;
  readonly workspaceId: WorkspaceId;
  readonly role: Role;
  /** Null for a key or a token acting as itself. */
  readonly email: string | null;
  readonly name: string | null;
  readonly permissions: readonly Permission[];
  readonly credential: ProvenCredential;
  /** The principal of the key behind an impersonated user; null otherwise. */
  readonly impersonatedBy: ApiKeyId | null;
}

/** The proven credential behind a principal: the very key that was presented. `fingerprint` is SHA-256 (hex) of what was presented: safe to key caches by. */
export type ProvenCredential =
  | {
      readonly kind: "session";
      readonly sessionId: SessionId;
      readonly userId: UserId;
      readonly expiresAt: EpochSeconds;
      readonly fingerprint: string;
    }
  | { readonly kind: "api_key"; readonly keyId: ApiKeyId; readonly fingerprint: string }
  | { readonly kind: "kubectl_token"; readonly tokenId: KubectlTokenId; readonly fingerprint: string };

/** Whose rows a statement may see. Both ids go to Postgres with every statement. */
export interface Scope {
  readonly userId: PrincipalId;
  readonly workspaceId: WorkspaceId;
}

export function scopeOf(principal: Pick<Principal, "id" | "workspaceId">): Scope {
  return { userId: principal.id, workspaceId: principal.workspaceId };
}

/** What a caller is counted by: a key that acts for a user counts apart from the user. */
export function principalKey({ id, impersonatedBy }: Pick<Principal, "id" | "impersonatedBy">): string {
  return impersonatedBy === null ? id : `${impersonatedBy}>${id}`;
}

/** @throws `forbidden` when the principal lacks the permission. */
export function requirePermission(principal: Pick<Principal, "permissions">, permission: Permission): void {
  if (!principal.permissions.includes(permission)) {
    throw new AppError("forbidden", `This needs the permission ${permission}.`);
  }
}
