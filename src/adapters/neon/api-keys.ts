import { type ApiKeyId, readId, requireId } from "../../domain/ids.ts";
import type { PageRequest } from "../../domain/page.ts";
import type { ApiKey, ApiKeyStore, NewApiKey } from "../../domain/ports/identity-stores.ts";
import type { Scope } from "../../domain/principal.ts";
import type { EpochSeconds } from "../../domain/time.ts";
import type { Database, Row } from "./database.ts";
import { readPosition, toPage } from "./page.ts";
import { readNullableTime, readText, readTime, timeParameter } from "./row.ts";
import { type Statement, sql } from "./statement.ts";
import { toPermissions } from "./user-row.ts";

/** API keys in Postgres: hashes go in and never come out. */
export function createApiKeyStore(database: Database): ApiKeyStore {
  return {
    create: async (scope, key) => {
      await database.as(scope, insertKey(scope, key));
    },
    list: async (scope, page) => toPage((await database.as(scope, selectPage(scope, page)))[0], page.limit, toApiKey),
    find: async (scope, id) => {
      const [rows] = await database.as(scope, selectKey(scope, id));
      return rows?.[0] ? toApiKey(rows[0]) : null;
    },
    revoke: async (scope, id) => {
      const [revoked, known] = await database.as(scope, revokeKey(scope, id), selectPrincipal(scope, id));
      const principalId = readId("key", known?.[0]?.["principal_id"]);
      return principalId === null ? null : { principalId, isRevoked: revoked?.length === 1 };
    },
    hasLiveKey: async (scope, principalId) =>
      (await database.as(scope, selectLiveKey(scope, principalId)))[0]?.length === 1,
    replace: async (scope, id, successor, oldUntil) => {
      const [rows] = await database.as(scope, replaceKey(scope, id, successor, oldUntil));
      return rows?.length === 1;
    },
  };
}

function insertKey(scope: Scope, key: NewApiKey): Statement {
  return sql`insert into api_keys
      (id, principal_id, workspace_id, created_by, service_name, key_prefix, key_hash, permissions, created_at, expires_at)
    values (${key.id}, ${key.principalId}, ${scope.workspaceId}, ${scope.userId}, ${key.serviceName}, ${key.keyPrefix}, ${key.keyHash},
      ${key.permissions}::text[], ${timeParameter(key.createdAt)}, ${timeParameter(key.expiresAt)})`;
}

function selectPage(scope: Scope, { limit, after }: PageRequest): Statement {
  const { madeAt, id } = readPosition("key", after);
  return sql`select id, coalesce(principal_id, id) as principal_id, service_name, key_prefix, permissions, created_at, expires_at, last_used_at,
      (extract(epoch from created_at) * 1000000)::bigint || '.' || id as cursor
    from api_keys
    where workspace_id = ${scope.workspaceId} and revoked_at is null and (expires_at is null or expires_at > now())
      and (${madeAt}::bigint is null or (created_at, id) > (timestamptz 'epoch' + ${madeAt}::bigint * interval '1 microsecond', ${id}))
    order by created_at, id limit ${limit + 1}`;
}

function selectKey(scope: Scope, id: ApiKeyId): Statement {
  return sql`select id, coalesce(principal_id, id) as principal_id, service_name, key_prefix, permissions, created_at, expires_at, last_used_at from api_keys
    where id = ${id} and workspace_id = ${scope.workspaceId}
      and revoked_at is null and (expires_at is null or expires_at > now())`;
}

function revokeKey(scope: Scope, id: ApiKeyId): Statement {
  return sql`update api_keys set revoked_at = now()
    where id = ${id} and workspace_id = ${scope.workspaceId}
      and revoked_at is null and (expires_at is null or expires_at > now()) returning id`;
}

function selectPrincipal(scope: Scope, id: ApiKeyId): Statement {
  return sql`select coalesce(principal_id, id) as principal_id from api_keys
    where id = ${id} and workspace_id = ${scope.workspaceId}`;
}

function selectLiveKey(scope: Scope, principalId: ApiKeyId): Statement {
  return sql`select id from api_keys
    where coalesce(principal_id, id) = ${principalId} and workspace_id = ${scope.workspaceId}
      and revoked_at is null and (expires_at is null or expires_at > now()) limit 1`;
}

/** One statement: of two rotations at once the second finds the key replaced and stores nothing. */
function replaceKey(scope: Scope, id: ApiKeyId, key: NewApiKey, oldUntil: EpochSeconds | null): Statement {
  const until = timeParameter(oldUntil);
  return sql`with old as (
      update api_keys set
        revoked_at = case when ${until}::timestamptz is null then now() end,
        expires_at = case when ${until}::timestamptz is null then expires_at
          else least(expires_at, ${until}::timestamptz) end,
        replaced_by = ${key.id}
      where id = ${id} and workspace_id = ${scope.workspaceId} and replaced_by is null
        and revoked_at is null and (expires_at is null or expires_at > now()) returning id
    )
    insert into api_keys
      (id, principal_id, workspace_id, created_by, service_name, key_prefix, key_hash, permissions, created_at, expires_at)
    select ${key.id}, ${key.principalId}, ${scope.workspaceId}, ${scope.userId}, ${key.serviceName}, ${key.keyPrefix}, ${key.keyHash},
      ${key.permissions}::text[], ${timeParameter(key.createdAt)}::timestamptz, ${timeParameter(key.expiresAt)}::timestamptz
    from old returning id`;
}

function toApiKey(row: Row): ApiKey {
  return {
    id: requireId("key", row["id"]),
    principalId: requireId("key", row["principal_id"]),
    serviceName: readText(row, "service_name"),
    keyPrefix: readText(row, "key_prefix"),
    permissions: toPermissions(row["permissions"]),
    createdAt: readTime(row, "created_at"),
    expiresAt: readNullableTime(row, "expires_at"),
    lastUsedAt: readNullableTime(row, "last_used_at"),
  };
}
