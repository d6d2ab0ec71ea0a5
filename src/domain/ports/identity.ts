import type { Connection } from "../connection.ts";
import type { ApiKeyId, ConnectionId, KubectlTokenId, SessionId, UserId, WorkspaceId } from "../ids.ts";
import type { Permission, UserRole } from "../permissions.ts";
import type { Principal } from "../principal.ts";
import type { EpochSeconds } from "../time.ts";

/** A person's account, without the password. */
export interface User {
  readonly id: UserId;
  readonly workspaceId: WorkspaceId;
  readonly email: string;
  readonly name: string | null;
  readonly role: UserRole;
  readonly isActive: boolean;
  readonly createdAt: EpochSeconds;
  readonly updatedAt: EpochSeconds;
}

/** A session that is alive, and the person it belongs to. */
export interface ProvenSession {
  readonly userId: UserId;
  readonly workspaceId: WorkspaceId;
  readonly email: string;
  readonly name: string | null;
  readonly role: UserRole;
}

/** A key that is neither revoked nor expired. */
export interface ProvenKey {
  readonly keyId: ApiKeyId;
  /** As whom it acts: a rotated key goes on as the key it replaced. */
  readonly principalId: ApiKeyId;
  readonly workspaceId: WorkspaceId;
  readonly serviceName: string;
  readonly permissions: readonly Permission[];
  /** Its end, or that of its grace once it is rotated; null = none. */
  readonly expiresAt: EpochSeconds | null;
}

/** A cluster agent's token that is neither revoked nor expired. */
export interface ProvenKubectlToken {
  readonly tokenId: KubectlTokenId;
  readonly workspaceId: WorkspaceId;
  readonly clusterName: string;
  readonly expiresAt: EpochSeconds | null;
}

/** What a proof finds: who it is, and the connection asked for in the same round trip (null = not visible to them). */
export interface Proof<Proven> {
  readonly proven: Proven;
  readonly connection: Connection | null;
}

/** A key's proof, and the active user of its workspace it was asked to act as (null = none, or nobody was named). */
export interface KeyProof extends Proof<ProvenKey> {
  readonly actingUser: User | null;
}

/**
 * Proves a credential against the database, in one round trip. Null: not (or no longer) good.
 * `alongside` reads that connection in the same batch, as the proven caller.
 */
export interface CredentialProver {
  proveSession(
    sessionId: SessionId,
    userId: UserId,
    alongside: ConnectionId | null,
  ): Promise<Proof<ProvenSession> | null>;
  /** @param actAs A user of the key's workspace; `alongside` is then read as that user. */
  proveKey(keyHash: string, actAs: UserId | null, alongside: ConnectionId | null): Promise<KeyProof | null>;
  proveKubectlToken(tokenHash: string, alongside: ConnectionId | null): Promise<Proof<ProvenKubectlToken> | null>;
}

/** Whose remembered proofs a change makes void. */
export type ProofOf =
  | { readonly userId: UserId }
  | { readonly sessionId: SessionId }
  | { readonly keyId: ApiKeyId }
  | { readonly kubectlTokenId: KubectlTokenId };

/** Callers this isolate proved moments ago. */
export interface IdentityMemory {
  recall(key: string): Principal | null;
  /** Call before asking the database; it stamps the proof with the time it was asked for. */
  begin(): ProofStamp;
  /**
   * Keeps the proof unless something was forgotten since `stamp`: it might have been proven before that change.
   *
   * @param endsAt When what was proven ends by itself; null = never.
   */
  remember(key: string, principal: Principal, stamp: ProofStamp, endsAt: EpochSeconds | null): void;
  /** Makes this isolate ask the database again, at once. Others do so when their memory ends. */
  forget(whose: ProofOf): void;
}

export interface ProofStamp {
  readonly askedAt: EpochSeconds;
  readonly changesSeen: number;
}

/** bcrypt. Both methods cost the same whoever asks: an unknown email is compared too. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  /** False for a wrong password; with `hash` null it compares against a dummy and answers false. */
  matches(password: string, hash: string | null): Promise<boolean>;
}

/** The claims of our JWT that decide anything. */
export interface SessionClaims {
  readonly sessionId: SessionId;
  readonly userId: UserId;
  readonly workspaceId: WorkspaceId;
  readonly email: string;
  readonly role: UserRole;
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
}

export interface SessionTokens {
  sign(claims: SessionClaims): Promise<string>;
  /** The claims of a token we signed that has not expired; null for anything else. */
  verify(token: string): Promise<SessionClaims | null>;
}
