import { AppError } from "../../src/domain/errors.ts";
import type { UserId, WorkspaceId } from "../../src/domain/ids.ts";
import type { Page, PageRequest } from "../../src/domain/page.ts";
import type { CredentialProver, User } from "../../src/domain/ports/identity.ts";
import type {
  ApiKey,
  ApiKeyStore,
  KubectlToken,
  KubectlTokenStore,
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

/**
 * A page of what is listed of `rows`, which come in the order of the list. The cursor is an id: no fake forgets a row,
 * so one that is no longer listed still tells where its page ended.
 */
export function pageOf<Row extends { readonly id: string }, Item = Row>(
  rows: readonly Row[],
  { limit, after }: PageRequest,
  isListed: (row: Row) => boolean,
  toItem: (row: Row) => Item,
): Page<Item> {
  const end = after === null ? -1 : rows.findIndex(({ id }) => id === after);
  if (after !== null && end === -1) throw new AppError("invalid_request", "That is no cursor.");
  const rest = rows.slice(end + 1).filter(isListed);
  const last = rest.length > limit ? rest[limit - 1] : undefined;
  return { items: rest.slice(0, limit).map(toItem), next: last?.id ?? null };
}
