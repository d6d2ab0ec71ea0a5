import { expect } from "vitest";
import { createId, type UserId } from "../../src/domain/ids.ts";
import type { CredentialProver } from "../../src/domain/ports/identity.ts";
import type {
  ApiKeyStore,
  KubectlTokenStore,
  NewApiKey,
  NewKubectlToken,
  SessionStore,
  UserStore,
} from "../../src/domain/ports/identity-stores.ts";
import type { Scope } from "../../src/domain/principal.ts";
import { addSeconds, epochSeconds } from "../../src/domain/time.ts";
import { randomBytes } from "./random-bytes.ts";

export interface Stores {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly apiKeys: ApiKeyStore;
  readonly kubectlTokens: KubectlTokenStore;
  readonly prover: CredentialProver;
  /** Takes a row away for good, as the purge of what was deleted long ago does. */
  purge(table: Table, id: string): Promise<void>;
}

export type Table = "users" | "sessions" | "api_keys" | "kubectl_tokens";

export const HASH = `$2b$04$${"a".repeat(53)}`;
export const OTHER_HASH = `$2b$04$${"b".repeat(53)}`;
export const FIRST_PAGE = { limit: 50, after: null };
export const now = () => epochSeconds(Date.now() / 1000);

export async function registerSomebody(users: UserStore): Promise<Scope & { userId: UserId; email: string }> {
  const userId = createId("usr", randomBytes);
  const workspaceId = createId("wsp", randomBytes);
  const email = `${userId}@example.com`;
  const account = { workspaceId, workspaceName: "W", userId, email, name: null, passwordHash: HASH, firstOnly: false };
  expect(await users.register(account)).toBe("registered");
  return { userId, workspaceId, email };
}

export async function addUser(users: UserStore, scope: Scope, role: "admin" | "viewer"): Promise<UserId> {
  const id = createId("usr", randomBytes);
  await users.create(scope, { id, email: `${id}@example.com`, name: "Ada", role, passwordHash: HASH });
  return id;
}

export async function beginSession(sessions: SessionStore, scope: Scope, hash = HASH) {
  const id = createId("ses", randomBytes);
  const session = { id, createdAt: now(), expiresAt: addSeconds(now(), 3600), ip: "192.0.2.1", userAgent: null };
  return { id, session, isBegun: await sessions.create(scope, session, hash) };
}

export function newKey(change: Partial<NewApiKey> = {}): NewApiKey {
  const id = createId("key", randomBytes);
  return {
    id,
    principalId: id,
    serviceName: "ci",
    keyPrefix: "ak_000000000000",
    keyHash: `${createId("key", randomBytes).slice(4)}${createId("key", randomBytes).slice(4)}`,
    permissions: ["connections:read", "users:impersonate"],
    createdAt: now(),
    expiresAt: null,
    ...change,
  };
}

export function newKubectlToken(change: Partial<NewKubectlToken> = {}): NewKubectlToken {
  return {
    id: createId("kct", randomBytes),
    clusterName: "staging",
    notes: null,
    tokenHash: `${createId("kct", randomBytes).slice(4)}${createId("kct", randomBytes).slice(4)}`,
    expiresInSeconds: null,
    ...change,
  };
}
