import { requireOwnerId } from "../../src/domain/ids.ts";
import type { CredentialProver } from "../../src/domain/ports/identity.ts";
import type { ApiKey, ApiKeyStore, KubectlTokenStore, SessionStore } from "../../src/domain/ports/identity-stores.ts";
import type { Scope } from "../../src/domain/principal.ts";
import { addSeconds, type EpochSeconds, epochSeconds } from "../../src/domain/time.ts";
import {
  type Clock,
  type FakeIdentity,
  type KeyRow,
  type KubectlRow,
  pageOf,
  type SessionRow,
  type Tables,
  toUser,
  type UserRow,
} from "./fake-identity-tables.ts";
import { createUsers } from "./fake-users.ts";

/** Users, sessions and keys in memory, kept honest by `identity-contract.ts`. */
export function createFakeIdentity(now: () => number = () => Math.floor(Date.now() / 1000)): FakeIdentity {
  const tables = {
    userRows: new Map<string, UserRow>(),
    sessionRows: new Map<string, SessionRow>(),
    keyRows: new Map<string, KeyRow>(),
    kubectlRows: new Map<string, KubectlRow>(),
  };
  const clock = () => epochSeconds(now());
  return {
    ...tables,
    users: createUsers(tables, clock),
    sessions: createSessions(tables, clock),
    apiKeys: createKeys(tables, clock),
    kubectlTokens: createKubectlTokens(tables, clock),
    prover: createProver(tables, clock),
  };
}

function createSessions({ userRows, sessionRows }: Tables, now: Clock): SessionStore {
  const isLive = (row: SessionRow) => row.endedAt === null && row.expiresAt > now();
  return {
    create: async (scope, session, passwordHash) => {
      const user = userRows.get(scope.userId);
      if (!user || user.hash !== passwordHash) return false;
      sessionRows.set(session.id, { ...session, userId: user.id, endedAt: null });
      return true;
    },
    list: async (scope, page) =>
      pageOf(
        [...sessionRows.values()].toReversed(),
        page,
        (row) => row.userId === scope.userId && isLive(row),
        ({ userId: _userId, endedAt: _endedAt, ...session }) => session,
      ),
    end: async (scope, id) => {
      const row = sessionRows.get(id);
      if (!row || row.userId !== scope.userId || !isLive(row)) return false;
      sessionRows.set(id, { ...row, endedAt: now() });
      return true;
    },
  };
}

function createKeys({ keyRows }: Tables, now: Clock): ApiKeyStore {
  const live = (scope: Scope, id: string) => {
    const row = keyRows.get(id);
    return row && row.workspaceId === scope.workspaceId && isLiveKey(row, now()) ? row : null;
  };
  const insert: ApiKeyStore["create"] = async (scope, { keyHash: hash, ...key }) => {
    const { workspaceId } = scope;
    keyRows.set(key.id, { ...key, workspaceId, hash, lastUsedAt: null, isRevoked: false, isReplaced: false });
  };
  return {
    create: insert,
    list: async (scope, page) => pageOf([...keyRows.values()], page, (row) => live(scope, row.id) !== null, toApiKey),
    find: async (scope, id) => {
      const row = live(scope, id);
      return row && toApiKey(row);
    },
    revoke: async (scope, id) => {
      const row = live(scope, id);
      if (row) keyRows.set(id, { ...row, isRevoked: true });
      const known = keyRows.get(id);
      if (known?.workspaceId !== scope.workspaceId) return null;
      return { principalId: known.principalId, isRevoked: row !== null };
    },
    hasLiveKey: async (scope, principalId) =>
      [...keyRows.values()].some((row) => row.principalId === principalId && live(scope, row.id) !== null),
    replace: async (scope, id, successor, oldUntil) => {
      const row = live(scope, id);
      if (!row || row.isReplaced) return false;
      const expiresAt = oldUntil === null ? row.expiresAt : epochSeconds(Math.min(row.expiresAt ?? oldUntil, oldUntil));
      keyRows.set(id, { ...row, isReplaced: true, isRevoked: oldUntil === null, expiresAt });
      await insert(scope, successor);
      return true;
    },
  };
}

function createKubectlTokens({ kubectlRows }: Tables, now: Clock): KubectlTokenStore {
  const isLive = (scope: Scope) => (row: KubectlRow) => row.workspaceId === scope.workspaceId && isLiveKey(row, now());
  return {
    create: async (scope, { tokenHash: hash, expiresInSeconds, ...draft }) => {
      const { workspaceId, userId } = scope;
      const createdAt = now();
      const expiresAt = expiresInSeconds === null ? null : addSeconds(createdAt, expiresInSeconds);
      const token = { ...draft, createdBy: requireOwnerId(userId), createdAt, expiresAt, lastUsedAt: null };
      kubectlRows.set(token.id, { ...token, workspaceId, hash, isRevoked: false });
      return token;
    },
    list: async (scope, page) =>
      pageOf(
        [...kubectlRows.values()],
        page,
        isLive(scope),
        ({ workspaceId: _workspaceId, hash: _hash, isRevoked: _isRevoked, ...token }) => token,
      ),
    revoke: async (scope, id) => {
      const row = [...kubectlRows.values()].filter(isLive(scope)).find((token) => token.id === id);
      if (row) kubectlRows.set(id, { ...row, isRevoked: true });
      return row !== undefined;
    },
  };
}

function createProver({ userRows, sessionRows, keyRows, kubectlRows }: Tables, now: Clock): CredentialProver {
  return {
    proveSession: async (sessionId, userId) => {
      const row = sessionRows.get(sessionId);
      const user = userRows.get(userId);
      if (!row || row.userId !== userId || row.endedAt !== null || row.expiresAt <= now() || !user?.isActive)
        return null;
      const { workspaceId, email, name, role } = user;
      return { proven: { userId, workspaceId, email, name, role }, connection: null };
    },
    proveKey: async (keyHash, actAs) => {
      const row = [...keyRows.values()].find((key) => key.hash === keyHash && isLiveKey(key, now()));
      if (!row) return null;
      keyRows.set(row.id, { ...row, lastUsedAt: now() });
      const user = actAs === null ? undefined : userRows.get(actAs);
      const isThere = user?.isActive === true && user.workspaceId === row.workspaceId;
      const { id: keyId, principalId, workspaceId, serviceName, permissions, expiresAt } = row;
      const proven = { keyId, principalId, workspaceId, serviceName, permissions, expiresAt };
      return { proven, actingUser: isThere ? toUser(user) : null, connection: null };
    },
    proveKubectlToken: async (tokenHash) => {
      const row = [...kubectlRows.values()].find((token) => token.hash === tokenHash && isLiveKey(token, now()));
      if (!row) return null;
      kubectlRows.set(row.id, { ...row, lastUsedAt: now() });
      const { id: tokenId, workspaceId, clusterName, expiresAt } = row;
      return { proven: { tokenId, workspaceId, clusterName, expiresAt }, connection: null };
    },
  };
}

function isLiveKey(row: Pick<KeyRow, "isRevoked" | "expiresAt">, now: EpochSeconds): boolean {
  return !row.isRevoked && (row.expiresAt === null || row.expiresAt > now);
}

function toApiKey(row: KeyRow): ApiKey {
  const { id, principalId, serviceName, keyPrefix, permissions, createdAt, expiresAt, lastUsedAt } = row;
  return { id, principalId, serviceName, keyPrefix, permissions, createdAt, expiresAt, lastUsedAt };
}
