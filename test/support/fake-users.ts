import type { SessionId, UserId } from "../../src/domain/ids.ts";
import type { User } from "../../src/domain/ports/identity.ts";
import type { UserChange, UserStore } from "../../src/domain/ports/identity-stores.ts";
import type { Scope } from "../../src/domain/principal.ts";
import { type Clock, pageOf, type Tables, toUser, type UserRow } from "./fake-identity-tables.ts";

/** People in memory. */
export function createUsers(tables: Tables, now: Clock): UserStore {
  const { userRows } = tables;
  const find = (scope: Scope, id: UserId) => {
    const row = userRows.get(id);
    return row && row.workspaceId === scope.workspaceId ? row : null;
  };
  const isTaken = (email: string) => [...userRows.values()].some((row) => row.email === email);
  return {
    findLogin: async (email) => {
      const row = [...userRows.values()].find((candidate) => candidate.email === email);
      return row ? { user: row, passwordHash: row.isActive ? row.hash : null } : null;
    },
    register: async (account) => {
      if (account.firstOnly && userRows.size > 0) return "closed";
      if (isTaken(account.email)) return "email_taken";
      const { userId: id, workspaceId, email, name, passwordHash: hash } = account;
      const times = { createdAt: now(), updatedAt: now() };
      userRows.set(id, { id, workspaceId, email, name, role: "admin", isActive: true, hash, ...times });
      return "registered";
    },
    list: async (scope, page) =>
      pageOf([...userRows.values()], page, (row) => row.workspaceId === scope.workspaceId, toUser),
    find: async (scope, id) => toNullableUser(find(scope, id)),
    findOtherAdmin: async (scope, id) => {
      const colleagues = [...userRows.values()].filter((row) => row.workspaceId === scope.workspaceId && row.id !== id);
      return toNullableUser(colleagues.find(({ role, isActive }) => role === "admin" && isActive) ?? null);
    },
    create: async (scope, { passwordHash: hash, ...user }) => {
      if (isTaken(user.email)) return null;
      const times = { createdAt: now(), updatedAt: now() };
      const row = { ...user, workspaceId: scope.workspaceId, isActive: true, hash, ...times };
      userRows.set(user.id, row);
      return toUser(row);
    },
    change: async (scope, id, change) => {
      const row = find(scope, id);
      if (!row) return null;
      return changeRow(tables, now, row, change);
    },
    readPassword: async (scope, id) => {
      const row = find(scope, id);
      return row?.isActive ? { hash: scope.userId === id ? row.hash : null } : null;
    },
    setPassword: async (scope, id, known, hash, keep) => {
      const row = find(scope, id);
      if (row?.hash !== known) return false;
      userRows.set(id, { ...row, hash });
      endSessions(tables, now, id, keep);
      return true;
    },
  };
}

function changeRow(tables: Tables, now: Clock, row: UserRow, change: UserChange): User | "last_admin" {
  const { role = row.role, name = row.name, isActive = row.isActive, passwordHash: hash = row.hash } = change;
  const admins = [...tables.userRows.values()].filter(
    (other) => other.workspaceId === row.workspaceId && other.role === "admin" && other.isActive && other.id !== row.id,
  );
  const wasAdmin = row.role === "admin" && row.isActive;
  if (wasAdmin && (role !== "admin" || !isActive) && admins.length === 0) return "last_admin";
  const changed = { ...row, role, name, isActive, hash, updatedAt: now() };
  tables.userRows.set(row.id, changed);
  const endsSessions = change.role !== undefined || change.isActive === false || change.passwordHash !== undefined;
  if (endsSessions) endSessions(tables, now, row.id, null);
  return toUser(changed);
}

function endSessions({ sessionRows }: Tables, now: Clock, userId: UserId, keep: SessionId | null): void {
  for (const [id, row] of sessionRows) {
    if (row.userId === userId && id !== keep) sessionRows.set(id, { ...row, endedAt: now() });
  }
}

function toNullableUser(row: UserRow | null): User | null {
  return row && toUser(row);
}
