import { requireId, type SessionId } from "../../domain/ids.ts";
import type { PageRequest } from "../../domain/page.ts";
import type { Session, SessionStore } from "../../domain/ports/identity-stores.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Database, Row } from "./database.ts";
import { readPosition, toPage } from "./page.ts";
import { readNullableText, readTime, timeParameter } from "./row.ts";
import { type Statement, sql } from "./statement.ts";

/** Sessions in Postgres. Ended rows stay until they are purged, so that an id never lives twice. */
export function createSessionStore(database: Database): SessionStore {
  return {
    create: async (scope, session, passwordHash) =>
      (await database.as(scope, insertSession(scope, session, passwordHash)))[0]?.length === 1,
    list: async (scope, page) => toPage((await database.as(scope, selectPage(scope, page)))[0], page.limit, toSession),
    end: async (scope, id) => (await database.as(scope, endSession(scope, id)))[0]?.length === 1,
  };
}

/** Only while the password is still the one that was checked: a change in between has ended the sessions before this one. */
function insertSession(scope: Scope, session: Session, passwordHash: string): Statement {
  const { id, createdAt, expiresAt, ip, userAgent } = session;
  return sql`insert into sessions (id, workspace_id, user_id, created_at, expires_at, ip, user_agent)
    select ${id}, ${scope.workspaceId}, ${scope.userId}, ${timeParameter(createdAt)}::timestamptz,
      ${timeParameter(expiresAt)}::timestamptz, ${ip}, ${userAgent}
    where read_password_hash(${scope.userId}) = ${passwordHash}
    returning id`;
}

function selectPage(scope: Scope, { limit, after }: PageRequest): Statement {
  const { madeAt, id } = readPosition("ses", after);
  return sql`select id, created_at, expires_at, ip, user_agent,
      (extract(epoch from created_at) * 1000000)::bigint || '.' || id as cursor
    from sessions
    where user_id = ${scope.userId} and ended_at is null and expires_at > now()
      and (${madeAt}::bigint is null or (created_at, id) < (timestamptz 'epoch' + ${madeAt}::bigint * interval '1 microsecond', ${id}))
    order by created_at desc, id desc limit ${limit + 1}`;
}

function endSession(scope: Scope, id: SessionId): Statement {
  return sql`update sessions set ended_at = now()
    where id = ${id} and user_id = ${scope.userId} and ended_at is null and expires_at > now() returning id`;
}

function toSession(row: Row): Session {
  return {
    id: requireId("ses", row["id"]),
    createdAt: readTime(row, "created_at"),
    expiresAt: readTime(row, "expires_at"),
    ip: readNullableText(row, "ip"),
    userAgent: readNullableText(row, "user_agent"),
  };
}
