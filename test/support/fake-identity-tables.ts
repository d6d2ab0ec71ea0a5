import type { UserId, WorkspaceId } from "../../src/domain/ids.ts";
import type { CredentialProver, User } from "../../src/domain/ports/identity.ts";
import type {
  ApiKey,
  ApiKeyStore,
  KubectlToken,
  KubectlTokenStore,
  PageRequest,
  Session,
  SessionStore,
  UserStore,
} from "../../src/domain/ports/identity-stores.ts";
import type { EpochSeconds } from "../../src/domain/time.ts";

/** A person with the hash of the password. */
export interface UserRow extends User {
  readonly hash: string | null;
}
export interface SessionRow extends Session {
  readonly userId: UserId;
  readonly endedAt: EpochSeconds | null;
}
export interface KeyRow extends ApiKey {
  readonly workspaceId: WorkspaceId;
  readonly hash: string;
  readonly isRevoked: boolean;
  readonly isReplaced: boolean;
}

export interface KubectlRow extends KubectlToken {
  readonly workspaceId: WorkspaceId;
  readonly hash: string;
  readonly isRevoked: boolean;
}

/** The tables, for tests that look behind the ports. */
export interface FakeIdentity {
  readonly userRows: Map<string, UserRow>;
  readonly sessionRows: Map<string, SessionRow>;
  readonly keyRows: Map<string, KeyRow>;
  readonly kubectlRows: Map<string, KubectlRow>;
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly apiKeys: ApiKeyStore;
  readonly kubectlTokens: KubectlTokenStore;
  readonly prover: CredentialProver;
}

export type Tables = Pick<FakeIdentity, "userRows" | "sessionRows" | "keyRows" | "kubectlRows">;
export type Clock = () => EpochSeconds;

/** The person without the hash. */
export function toUser({ hash: _hash, ...user }: UserRow): User {
  return user;
}

/** In the order of insertion, which is the order of creation. */
export function pageOf<Item extends { readonly id: string }>(
  items: readonly Item[],
  page: PageRequest<string>,
): Item[] {
  const start = page.after === null ? 0 : items.findIndex((item) => item.id === page.after) + 1;
  return items.slice(start, start + page.limit);
}
