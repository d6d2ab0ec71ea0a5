import { requireId, type SessionId, type UserId } from "../../domain/ids.ts";
import type { PageRequest } from "../../domain/page.ts";
import type { User } from "../../domain/ports/identity.ts";
import type { LoginRecord, NewAccount, NewUser, UserStore } from "../../domain/ports/identity-stores.ts";
import type { Scope } from "../../domain/principal.ts";
import { type Database, isRegistrationTaken, isUniqueViolation, type Row } from "./database.ts";
import { readPosition, toPage } from "./page.ts";
import { readNullableText, readText } from "./row.ts";
import { type Statement, sql } from "./statement.ts";
import { changeUser } from "./user-changes.ts";
import { toRole, toUser } from "./user-row.ts";

/** People in Postgres. Password hashes are written and read through definer functions only. */
export function createUserStore(database: Database): UserStore {
  return {
    findLogin: async (email) => {
      const [rows] = await database.enter(sql`select * from find_login(${email})`);
      return rows?.[0] ? toLogin(rows[0]) : null;
    },
    register: (account) => register(database, account),
    list: async (scope, page) => toPage((await database.as(scope, selectPage(scope, page)))[0], page.limit, toUser),
    find: async (scope, id) => firstUser(await database.as(scope, selectUser(scope, id))),
    findOtherAdmin: async (scope, id) => firstUser(await database.as(scope, selectOtherAdmin(scope, id))),
    create: (scope, user) => create(database, scope, user),
    change: (scope, id, change) => changeUser(database, scope, id, change),
    readPassword: async (scope, id) => {
      const [rows] = await database.as(scope, selectPassword(scope, id));
      return rows?.[0] ? { hash: readNullableText(rows[0], "hash") } : null;
    },
    setPassword: async (scope, id, known, hash, keep) => {
      const [, changed] = await database.as(scope, lockUser(scope, id), ...setPassword(id, known, hash, keep));
      return changed?.[0] !== undefined;
    },
  };
}

async function register(database: Database, account: NewAccount): ReturnType<UserStore["register"]> {
  const { workspaceId, workspaceName, userId, email, name, passwordHash, firstOnly } = account;
  try {
    await database.enter(
      sql`select register_account(${workspaceId}, ${workspaceName}, ${userId}, ${email}, ${name}, ${passwordHash}, ${firstOnly})`,
    );
    return "registered";
  } catch (error) {
    if (isRegistrationTaken(error)) return "closed";
    if (isUniqueViolation(error)) return "email_taken";
    throw error;
  }
}

async function create(database: Database, scope: Scope, user: NewUser): Promise<User | null> {
  const { id, passwordHash } = user;
  const password = passwordHash === null ? [] : [sql`select set_password_hash(${id}, ${passwordHash})`];
  try {
    return firstUser(await database.as(scope, insertUser(scope, user), ...password));
  } catch (error) {
    if (isUniqueViolation(error)) return null;
    throw error;
  }
}

function insertUser(scope: Scope, { id, email, name, role }: NewUser): Statement {
  return sql`insert into users (id, workspace_id, email, name, role)
    values (${id}, ${scope.workspaceId}, ${email}, ${name}, ${role})
    returning id, workspace_id, email, name, role, is_active, created_at, updated_at`;
}

/** Reads one person of the workspace in context. */
export function selectUser(scope: Scope, id: UserId): Statement {
  return sql`select id, workspace_id, email, name, role, is_active, created_at, updated_at from users
    where id = ${id} and workspace_id = ${scope.workspaceId}`;
}

function selectOtherAdmin(scope: Scope, id: UserId): Statement {
  return sql`select id, workspace_id, email, name, role, is_active, created_at, updated_at from users
    where workspace_id = ${scope.workspaceId} and role = 'admin' and is_active and id <> ${id}
    order by created_at, id limit 1`;
}

function selectPage(scope: Scope, { limit, after }: PageRequest): Statement {
  const { madeAt, id } = readPosition("usr", after);
  return sql`select id, workspace_id, email, name, role, is_active, created_at, updated_at,
      (extract(epoch from created_at) * 1000000)::bigint || '.' || id as cursor
    from users
    where workspace_id = ${scope.workspaceId}
      and (${madeAt}::bigint is null or (created_at, id) > (timestamptz 'epoch' + ${madeAt}::bigint * interval '1 microsecond', ${id}))
    order by created_at, id limit ${limit + 1}`;
}

function selectPassword(scope: Scope, id: UserId): Statement {
  return sql`select read_password_hash(id) as hash from users
    where id = ${id} and workspace_id = ${scope.workspaceId} and is_active`;
}

/** Of two who know the same password, the second sees what the first did. */
function lockUser(scope: Scope, id: UserId): Statement {
  return sql`select id from users where id = ${id} and workspace_id = ${scope.workspaceId} for update`;
}

function setPassword(id: UserId, known: string, hash: string, keep: SessionId | null): readonly Statement[] {
  return [
    sql`select set_password_hash(${id}, ${hash}) where read_password_hash(${id}) = ${known}`,
    sql`select end_sessions(${id}, ${keep}) where read_password_hash(${id}) = ${hash}`,
  ];
}

function firstUser(results: readonly (readonly Row[])[]): User | null {
  const row = results[0]?.[0];
  return row ? toUser(row) : null;
}

function toLogin(row: Row): LoginRecord {
  return {
    user: {
      id: requireId("usr", row["user_id"]),
      workspaceId: requireId("wsp", row["workspace_id"]),
      email: readText(row, "email"),
      name: readNullableText(row, "name"),
      role: toRole(row["role"]),
    },
    // A deactivated person fails like one without a password, after the same work.
    passwordHash: row["is_active"] === true ? readNullableText(row, "password_hash") : null,
  };
}
