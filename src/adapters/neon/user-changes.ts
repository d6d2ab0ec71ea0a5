import type { UserId } from "../../domain/ids.ts";
import type { User } from "../../domain/ports/identity.ts";
import type { UserChange } from "../../domain/ports/identity-stores.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Database } from "./database.ts";
import { type Statement, sql } from "./statement.ts";
import { toUser } from "./user-row.ts";

/**
 * Changes a person in one transaction, and ends their sessions in the same when the change asks for it.
 * The statements after the first do nothing unless it changed the row: it says so in a setting local to the transaction.
 *
 * @returns the person; null when there is none in the workspace; `last_admin` when nobody else could manage it afterwards.
 */
export async function changeUser(
  database: Database,
  scope: Scope,
  id: UserId,
  change: UserChange,
): Promise<User | "last_admin" | null> {
  const { role, isActive, passwordHash } = change;
  const endsSessions = role !== undefined || isActive === false || passwordHash !== undefined;
  const [changed, present] = await database.as(
    scope,
    updateUser(scope, id, change),
    sql`select id from users where id = ${id} and workspace_id = ${scope.workspaceId}`,
    ...(passwordHash === undefined ? [] : [setPassword(id, passwordHash)]),
    ...(endsSessions ? [endSessions(id)] : []),
  );
  if (changed?.[0]) return toUser(changed[0]);
  return present?.[0] ? "last_admin" : null;
}

/**
 * Locks the admins before counting them, in one order, so that of two changes at once the second sees what the first did.
 */
function updateUser(scope: Scope, id: UserId, change: UserChange): Statement {
  const { name } = change;
  const role = change.role ?? null;
  const isActive = change.isActive ?? null;
  const takesAdminAway = (role !== null && role !== "admin") || isActive === false;
  return sql`with admins as materialized (
      select id from users where workspace_id = ${scope.workspaceId} and role = 'admin' and is_active
      order by id for update
    )
    update users set
      role = coalesce(${role}::text, role),
      name = case when ${name !== undefined}::boolean then ${name ?? null}::text else name end,
      is_active = coalesce(${isActive}::boolean, is_active),
      updated_at = now()
    where id = ${id} and workspace_id = ${scope.workspaceId}
      and (not ${takesAdminAway}::boolean or role <> 'admin' or not is_active
        or exists (select from admins where admins.id <> ${id}))
    returning id, workspace_id, email, name, role, is_active, created_at, updated_at,
      set_config('myapp.changed_user_id', id, true) as changed`;
}

function setPassword(id: UserId, hash: string): Statement {
  return sql`select set_password_hash(${id}, ${hash}) where current_setting('myapp.changed_user_id', true) = ${id}`;
}

function endSessions(id: UserId): Statement {
  return sql`select end_sessions(${id}, null) where current_setting('myapp.changed_user_id', true) = ${id}`;
}
