import { requireId } from "../../domain/ids.ts";
import { PERMISSIONS, type Permission, USER_ROLES, type UserRole } from "../../domain/permissions.ts";
import type { User } from "../../domain/ports/identity.ts";
import type { Row } from "./database.ts";
import { readNullableText, readText, readTime } from "./row.ts";

/** The person in a row of `users`. */
export function toUser(row: Row): User {
  return {
    id: requireId("usr", row["id"]),
    workspaceId: requireId("wsp", row["workspace_id"]),
    email: readText(row, "email"),
    name: readNullableText(row, "name"),
    role: toRole(row["role"]),
    isActive: row["is_active"] === true,
    createdAt: readTime(row, "created_at"),
    updatedAt: readTime(row, "updated_at"),
  };
}

/** A role the schema lets through and this version does not know is a bug, not a permission. */
export function toRole(value: unknown): UserRole {
  const role = USER_ROLES.find((known) => known === value);
  if (role === undefined) throw new Error("column role is not a role");
  return role;
}

/** The permissions in a text array or jsonb; names this version does not know are left out. */
export function toPermissions(value: unknown): readonly Permission[] {
  const names: readonly unknown[] = Array.isArray(value) ? value : [];
  return PERMISSIONS.filter((permission) => names.includes(permission));
}
