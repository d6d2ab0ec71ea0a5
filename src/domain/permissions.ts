/** What a caller may be allowed. The names are part of the wire contract. */
export const PERMISSIONS = [
  "connections:read",
  "connections:write",
  "tokens:read",
  "users:manage",
  "audit:read",
  "metrics:read",
  "users:impersonate",
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** The roles a person can have. `api_service` belongs to keys. */
export const USER_ROLES = ["admin", "operator", "analyst", "viewer"] as const;
export type UserRole = (typeof USER_ROLES)[number];
export type Role = UserRole | "api_service";

const ROLE_PERMISSIONS = {
  admin: ["connections:read", "connections:write", "tokens:read", "users:manage", "audit:read", "metrics:read"],
  operator: ["connections:read", "connections:write", "tokens:read", "audit:read"],
  analyst: ["connections:read", "tokens:read", "audit:read"],
  viewer: ["connections:read"],
} as const satisfies Record<UserRole, readonly Permission[]>;

/** What a key may do when its maker named nothing. */
export const DEFAULT_KEY_PERMISSIONS = ["connections:read", "tokens:read"] as const satisfies readonly Permission[];

export function permissionsOfRole(role: UserRole): readonly Permission[] {
  return ROLE_PERMISSIONS[role];
}

/** True when a maker with `held` may put `wanted` on a key: never `users:manage`; impersonation only by an admin. */
export function mayGiveToKey(wanted: Permission, held: readonly Permission[], role: Role): boolean {
  if (wanted === "users:manage") return false;
  if (wanted === "users:impersonate") return role === "admin";
  return held.includes(wanted);
}
