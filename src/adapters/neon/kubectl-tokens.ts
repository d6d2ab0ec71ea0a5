import { type KubectlTokenId, requireId, requireOwnerId } from "../../domain/ids.ts";
import type { PageRequest } from "../../domain/page.ts";
import type { KubectlToken, KubectlTokenStore, NewKubectlToken } from "../../domain/ports/identity-stores.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Database, Row } from "./database.ts";
import { readPosition, toPage } from "./page.ts";
import { readNullableText, readNullableTime, readText, readTime } from "./row.ts";
import { type Statement, sql } from "./statement.ts";

/** The tokens of cluster agents in Postgres: hashes go in and never come out. */
export function createKubectlTokenStore(database: Database): KubectlTokenStore {
  return {
    create: async (scope, token) => {
      const [[row = {}] = []] = await database.as(scope, insertToken(scope, token));
      return toKubectlToken(row);
    },
    list: async (scope, page) =>
      toPage((await database.as(scope, selectPage(scope, page)))[0], page.limit, toKubectlToken),
    revoke: async (scope, id) => (await database.as(scope, revokeToken(scope, id)))[0]?.length === 1,
  };
}

/** Postgres stamps it: its clock tells two of the same second apart, which the order of a list needs. */
function insertToken(scope: Scope, token: NewKubectlToken): Statement {
  return sql`insert into kubectl_tokens
      (id, workspace_id, cluster_name, notes, token_hash, created_by, expires_at)
    values (${token.id}, ${scope.workspaceId}, ${token.clusterName}, ${token.notes}, ${token.tokenHash},
      ${scope.userId}, now() + ${token.expiresInSeconds}::integer * interval '1 second')
    returning id, cluster_name, notes, created_by, created_at, expires_at, last_used_at`;
}

function selectPage(scope: Scope, { limit, after }: PageRequest): Statement {
  const { madeAt, id } = readPosition("kct", after);
  return sql`select id, cluster_name, notes, created_by, created_at, expires_at, last_used_at,
      (extract(epoch from created_at) * 1000000)::bigint || '.' || id as cursor
    from kubectl_tokens
    where workspace_id = ${scope.workspaceId} and revoked_at is null and (expires_at is null or expires_at > now())
      and (${madeAt}::bigint is null or (created_at, id) > (timestamptz 'epoch' + ${madeAt}::bigint * interval '1 microsecond', ${id}))
    order by created_at, id limit ${limit + 1}`;
}

function revokeToken(scope: Scope, id: KubectlTokenId): Statement {
  return sql`update kubectl_tokens set revoked_at = now()
    where id = ${id} and workspace_id = ${scope.workspaceId}
      and revoked_at is null and (expires_at is null or expires_at > now()) returning id`;
}

function toKubectlToken(row: Row): KubectlToken {
  return {
    id: requireId("kct", row["id"]),
    clusterName: readText(row, "cluster_name"),
    notes: readNullableText(row, "notes"),
    createdBy: requireOwnerId(row["created_by"]),
    createdAt: readTime(row, "created_at"),
    expiresAt: readNullableTime(row, "expires_at"),
    lastUsedAt: readNullableTime(row, "last_used_at"),
  };
}
