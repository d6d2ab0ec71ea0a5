import type { ApiKeyId, KubectlTokenId, OwnerId, SessionId, UserId, WorkspaceId } from "../ids.ts";
import type { Page, PageRequest } from "../page.ts";
import type { Permission, UserRole } from "../permissions.ts";
import type { Scope } from "../principal.ts";
import type { EpochSeconds } from "../time.ts";
import type { User } from "./identity.ts";

/** What a login is checked against. */
export interface LoginRecord {
  readonly user: Pick<User, "id" | "workspaceId" | "email" | "name" | "role">;
  /** Null for a person who cannot log in: without a password, or deactivated. */
  readonly passwordHash: string | null;
}

/** A workspace and its first admin. */
export interface NewAccount {
  readonly workspaceId: WorkspaceId;
  readonly workspaceName: string;
  readonly userId: UserId;
  readonly email: string;
  readonly name: string | null;
  readonly passwordHash: string;
  /** Only if nobody has registered yet. */
  readonly firstOnly: boolean;
}

export interface NewUser {
  readonly id: UserId;
  readonly email: string;
  readonly name: string | null;
  readonly role: UserRole;
  readonly passwordHash: string | null;
}

/** What to change of a user; what is absent stays. */
export interface UserChange {
  readonly role?: UserRole | undefined;
  readonly name?: string | null | undefined;
  readonly isActive?: boolean | undefined;
  readonly passwordHash?: string | undefined;
}

/**
 * The people of a workspace. Emails are in lower case and taken once in the whole deployment.
 * Every `list` of these stores throws `invalid_request` when `after` is not a `next` of its own.
 */
export interface UserStore {
  /** By email, before anybody is known; null for an unknown one. */
  findLogin(email: string): Promise<LoginRecord | null>;
  register(account: NewAccount): Promise<"registered" | "email_taken" | "closed">;
  list(scope: Scope, page: PageRequest): Promise<Page<User>>;
  find(scope: Scope, id: UserId): Promise<User | null>;
  /** The active admin but `id` who has been there longest; null when there is no other. */
  findOtherAdmin(scope: Scope, id: UserId): Promise<User | null>;
  /** Null when the email is taken. */
  create(scope: Scope, user: NewUser): Promise<User | null>;
  /**
   * Changes a user in one transaction; a new role, a new password or `isActive: false` ends their sessions in the same.
   * Two changes at once cannot leave a workspace without an active admin.
   */
  change(scope: Scope, id: UserId, change: UserChange): Promise<User | "last_admin" | null>;
  /** The caller's own; null when there is no such active user. */
  readPassword(scope: Scope, id: UserId): Promise<{ readonly hash: string | null } | null>;
  /**
   * Sets the caller's own password and ends their sessions but `keep` in one transaction. False, and nothing is changed,
   * when the password is no longer the one with the hash `known`.
   */
  setPassword(scope: Scope, id: UserId, known: string, hash: string, keep: SessionId | null): Promise<boolean>;
}

/** A login that can be ended. */
export interface Session {
  readonly id: SessionId;
  readonly createdAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** The sessions of the person in `scope`. */
export interface SessionStore {
  /** False, and nothing is begun, when the person's password is no longer the one with that hash. */
  create(scope: Scope, session: Session, passwordHash: string): Promise<boolean>;
  /** Those alive, newest first. */
  list(scope: Scope, page: PageRequest): Promise<Page<Session>>;
  /** False when the person has no live session by that id. */
  end(scope: Scope, id: SessionId): Promise<boolean>;
}

/** A key as people see it: never the key, never its hash. */
export interface ApiKey {
  readonly id: ApiKeyId;
  /** As whom it acts: the first key of the line it was rotated from, which owns what they connected. Mostly its own id. */
  readonly principalId: ApiKeyId;
  readonly serviceName: string;
  readonly keyPrefix: string;
  readonly permissions: readonly Permission[];
  readonly createdAt: EpochSeconds;
  readonly expiresAt: EpochSeconds | null;
  readonly lastUsedAt: EpochSeconds | null;
}

/** A key to be stored; `keyHash` is the SHA-256 of the key in hex. */
export interface NewApiKey extends Omit<ApiKey, "lastUsedAt"> {
  readonly keyHash: string;
}

/** The keys of the workspace in `scope`. */
export interface ApiKeyStore {
  create(scope: Scope, key: NewApiKey): Promise<void>;
  /** Those neither revoked nor expired, oldest first. */
  list(scope: Scope, page: PageRequest): Promise<Page<ApiKey>>;
  /** Null when it is revoked, expired or not of this workspace. */
  find(scope: Scope, id: ApiKeyId): Promise<ApiKey | null>;
  /** Null when there is no such key; `isRevoked` false when there was nothing to revoke any more. */
  revoke(scope: Scope, id: ApiKeyId): Promise<{ readonly principalId: ApiKeyId; readonly isRevoked: boolean } | null>;
  /** Whether a key is left that acts as that principal. */
  hasLiveKey(scope: Scope, principalId: ApiKeyId): Promise<boolean>;
  /**
   * Puts `successor` in the place of a live key in one transaction: the old one is revoked at once, or stops at `oldUntil`
   * when that comes before its own end.
   *
   * @returns false, and nothing is stored, when the old key is no longer live or was replaced before.
   */
  replace(scope: Scope, id: ApiKeyId, successor: NewApiKey, oldUntil: EpochSeconds | null): Promise<boolean>;
}

/** A cluster agent's token as people see it: never the token, never its hash. */
export interface KubectlToken {
  readonly id: KubectlTokenId;
  readonly clusterName: string;
  readonly notes: string | null;
  readonly createdBy: OwnerId;
  readonly createdAt: EpochSeconds;
  /** Null = it does not expire. */
  readonly expiresAt: EpochSeconds | null;
  readonly lastUsedAt: EpochSeconds | null;
}

/** A token to be stored, made now by whom the scope names; `tokenHash` is the SHA-256 of the token in hex. */
export interface NewKubectlToken extends Pick<KubectlToken, "id" | "clusterName" | "notes"> {
  readonly tokenHash: string;
  /** Null = it does not expire. */
  readonly expiresInSeconds: number | null;
}

/** The agents' tokens of the workspace in `scope`. */
export interface KubectlTokenStore {
  /** Answers it with the times the store gave it. */
  create(scope: Scope, token: NewKubectlToken): Promise<KubectlToken>;
  /** Those neither revoked nor expired, oldest first. */
  list(scope: Scope, page: PageRequest): Promise<Page<KubectlToken>>;
  /** False when there was nothing to revoke. */
  revoke(scope: Scope, id: KubectlTokenId): Promise<boolean>;
}
