import { randomBytes, randomUUID } from "node:crypto";
import type { JsonObject } from "../../src/domain/json.ts";

/** A token the server knows. */
export interface TokenRecord {
  readonly id: string;
  readonly accessor: string;
  readonly isRoot: boolean;
  readonly createdAtMs: number;
  /** The life it was last given; 0 for a token that does not expire. */
  readonly ttlSeconds: number;
  readonly expiresAtMs: number | null;
}

/** The tokens of one run: like a client's session they do not outlive it, so a restart is a reason to log in again. */
export interface Tokens {
  /** Null when unknown or expired. */
  find(id: string): TokenRecord | null;
  /** A new token; null when the role is not ours. */
  login(roleId: unknown, secretId: unknown): TokenRecord | null;
  /** The same token with its life begun anew, up to {@link MAX_TTL_SECONDS} in all; null for one that does not expire. */
  renew(token: TokenRecord): TokenRecord | null;
  revoke(token: TokenRecord): void;
  /** Sets the life of tokens issued or renewed next; null goes back to the default. */
  setTtlSeconds(seconds: number | null): void;
  /** Forgets every token but the root one. */
  expireAll(): void;
}

interface Identity {
  readonly rootToken: string;
  readonly roleId: string;
  readonly secretId: string;
}

const DEFAULT_TTL_SECONDS = 3600;
/** Vault's own default: 32 days, renewals included. */
const MAX_TTL_SECONDS = 768 * 3600;

/** @param now Milliseconds since 1970. */
export function createTokens(identity: Identity, now: () => number): Tokens {
  const issued = new Map<string, TokenRecord>();
  let ttlSeconds = DEFAULT_TTL_SECONDS;

  function issue(id: string, accessor: string, createdAtMs: number): TokenRecord {
    const leftSeconds = Math.floor((createdAtMs - now()) / 1000) + MAX_TTL_SECONDS;
    const granted = Math.min(ttlSeconds, leftSeconds);
    const expiresAtMs = now() + granted * 1000;
    const token = { id, accessor, isRoot: false, createdAtMs, ttlSeconds: granted, expiresAtMs };
    issued.set(id, token);
    return token;
  }

  const root = createRoot(identity.rootToken, now());
  return {
    find: (id) => {
      if (id === root.id) return root;
      const token = issued.get(id);
      return token && (token.expiresAtMs ?? 0) > now() ? token : null;
    },
    login: (roleId, secretId) => {
      if (roleId !== identity.roleId || secretId !== identity.secretId) return null;
      return issue(`hvs.${randomBytes(24).toString("base64url")}`, randomUUID(), now());
    },
    renew: (token) => (token.isRoot ? null : issue(token.id, token.accessor, token.createdAtMs)),
    revoke: (token) => void issued.delete(token.id),
    setTtlSeconds: (seconds) => {
      ttlSeconds = seconds ?? DEFAULT_TTL_SECONDS;
    },
    expireAll: () => issued.clear(),
  };
}

/** A token as `auth` in the answer to a login or a renewal. */
export function describeIssued(token: TokenRecord): JsonObject {
  return {
    client_token: token.id,
    accessor: token.accessor,
    policies: policiesOf(token),
    token_policies: policiesOf(token),
    metadata: null,
    lease_duration: token.ttlSeconds,
    renewable: true,
    entity_id: "",
    token_type: "service",
    orphan: true,
    mfa_requirement: null,
    num_uses: 0,
  };
}

/** A token as `data` in the answer to a lookup. */
export function describeToken(token: TokenRecord, nowMs: number): JsonObject {
  const expiresAtMs = token.expiresAtMs;
  return {
    accessor: token.accessor,
    creation_time: Math.floor(token.createdAtMs / 1000),
    creation_ttl: token.ttlSeconds,
    display_name: token.isRoot ? "root" : "approle",
    entity_id: "",
    expire_time: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(),
    explicit_max_ttl: 0,
    id: token.id,
    meta: null,
    num_uses: 0,
    orphan: true,
    path: token.isRoot ? "auth/token/root" : "auth/approle/login",
    policies: policiesOf(token),
    renewable: !token.isRoot,
    ttl: expiresAtMs === null ? 0 : Math.floor((expiresAtMs - nowMs) / 1000),
    type: "service",
  };
}

function createRoot(id: string, createdAtMs: number): TokenRecord {
  return { id, accessor: randomUUID(), isRoot: true, createdAtMs, ttlSeconds: 0, expiresAtMs: null };
}

function policiesOf(token: TokenRecord): readonly string[] {
  return token.isRoot ? ["root"] : ["aurora", "default"];
}
