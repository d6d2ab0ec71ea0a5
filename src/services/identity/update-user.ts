import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import type { UserId } from "../../domain/ids.ts";
import type { UserRole } from "../../domain/permissions.ts";
import type { User } from "../../domain/ports/identity.ts";
import type { UserChange } from "../../domain/ports/identity-stores.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { requireUsablePassword } from "./require-usable-password.ts";

/** What an admin may change of a person; what is absent stays. Deactivating is `deactivateUser`. */
export interface UserEdit {
  readonly role?: UserRole | undefined;
  readonly name?: string | null | undefined;
  readonly isActive?: true | undefined;
  readonly password?: string | undefined;
}

/**
 * Changes a person of the caller's workspace. A new role or password ends that person's sessions.
 *
 * @throws `not_found`; `invalid_request` for an unusable password; `conflict` for the role of the last admin.
 */
export async function updateUser(
  deps: Pick<Deps, "users" | "passwords" | "identities" | "audit">,
  principal: Principal,
  id: UserId,
  edit: UserEdit,
  call: Call,
): Promise<User> {
  const { password, ...change } = edit;
  if (password !== undefined) requireUsablePassword(password, "password");
  const scope = scopeOf(principal);
  // Before hashing, so that an unknown id costs nothing.
  if ((await deps.users.find(scope, id)) === null) throw noSuchUser();
  const passwordHash = password === undefined ? undefined : await deps.passwords.hash(password);
  const user = await applyChange(deps, principal, id, { ...change, passwordHash });

  const changed = Object.entries(edit).flatMap(([field, value]) => (value === undefined ? [] : [field]));
  const detail = { changed, ...(edit.role !== undefined && { role: edit.role }) };
  const entry = entryOf("user.updated", principal, { type: "user", id }, call, detail);
  await deps.audit.record(principal.workspaceId, entry);
  return user;
}

/**
 * Stores a change and makes this isolate forget who the user was.
 *
 * @throws `not_found`; `conflict` when it would leave the workspace without an active admin.
 */
export async function applyChange(
  deps: Pick<Deps, "users" | "identities">,
  principal: Principal,
  id: UserId,
  change: UserChange,
): Promise<User> {
  const outcome = await deps.users.change(scopeOf(principal), id, change);
  if (outcome === null) throw noSuchUser();
  if (outcome === "last_admin") {
    throw new AppError("conflict", "This is the last admin of the workspace; make another admin first.");
  }
  deps.identities.forget({ userId: id });
  return outcome;
}

function noSuchUser(): AppError {
  return new AppError("not_found", "There is no such user.");
}
