import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import { type OwnerId, requireOwnerId, type UserId } from "../../domain/ids.ts";
import type { UserRole } from "../../domain/permissions.ts";
import type { User } from "../../domain/ports/identity.ts";
import type { UserChange } from "../../domain/ports/identity-stores.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { ReleaseConnections } from "../connections/release-connections.ts";
import type { Deps } from "../deps.ts";
import { requireUsablePassword } from "./require-usable-password.ts";

/** What an admin may change of a person; what is absent stays. */
export interface UserEdit {
  readonly role?: UserRole | undefined;
  readonly name?: string | null | undefined;
  readonly isActive?: boolean | undefined;
  readonly password?: string | undefined;
}

type UpdateDeps = Pick<Deps, "users" | "passwords" | "identities" | "audit">;

/**
 * Changes a person of the caller's workspace, all of it or nothing. A new role, a new password or deactivation ends that
 * person's sessions; a deactivated person's connections are released then. Safe to call again when that half failed.
 *
 * @throws `not_found`; `invalid_request` for an unusable password; `conflict` when no admin would be left.
 */
export async function updateUser(
  deps: UpdateDeps,
  principal: Principal,
  id: UserId,
  edit: UserEdit,
  releaseConnections: ReleaseConnections,
  call: Call,
): Promise<User> {
  if (edit.password !== undefined) requireUsablePassword(edit.password, "password");
  const before = await deps.users.find(scopeOf(principal), id);
  if (before === null) throw noSuchUser();
  const { password, ...change } = withoutUnchanged(edit, before);
  const passwordHash = password === undefined ? undefined : await deps.passwords.hash(password);
  const user = await applyChange(deps, principal, id, { ...change, passwordHash });
  await recordChange(deps, principal, id, { ...change, password }, call);
  if (edit.isActive === false) await releaseConnections(id, await findHeir(deps, principal, id));
  return user;
}

/**
 * What of the edit is new. Whoever sends the whole person back with another name has not changed the role. A deactivation
 * stays: what it releases may be left over from one that failed.
 */
function withoutUnchanged(edit: UserEdit, before: User): UserEdit {
  const { role, name, isActive, password } = edit;
  return {
    password,
    ...(role !== before.role && { role }),
    ...(name !== before.name && { name }),
    ...((isActive === false || isActive !== before.isActive) && { isActive }),
  };
}

/** Stores a change and makes this isolate forget who the user was. */
async function applyChange(deps: UpdateDeps, principal: Principal, id: UserId, change: UserChange): Promise<User> {
  const outcome = await deps.users.change(scopeOf(principal), id, change);
  if (outcome === null) throw noSuchUser();
  if (outcome === "last_admin") {
    throw new AppError("conflict", "This is the last admin of the workspace; make another admin first.");
  }
  deps.identities.forget({ userId: id });
  return outcome;
}

/** A deactivation is an event of its own, beside whatever else was changed with it. */
async function recordChange(
  { audit }: UpdateDeps,
  principal: Principal,
  id: UserId,
  edit: UserEdit,
  call: Call,
): Promise<void> {
  const user = { type: "user", id } as const;
  const isDeactivation = edit.isActive === false;
  const changed = Object.entries(edit).flatMap(([field, value]) =>
    value === undefined || (field === "isActive" && isDeactivation) ? [] : [field],
  );
  if (changed.length > 0) {
    const detail = { changed, ...(edit.role !== undefined && { role: edit.role }) };
    await audit.record(principal.workspaceId, entryOf("user.updated", principal, user, call, detail));
  }
  if (isDeactivation) await audit.record(principal.workspaceId, entryOf("user.deactivated", principal, user, call));
}

/** The admin who did it; who leaves by themselves is followed by the admin who has been there longest. */
async function findHeir(deps: UpdateDeps, principal: Principal, leaver: UserId): Promise<OwnerId> {
  const other = leaver === principal.id ? await deps.users.findOtherAdmin(scopeOf(principal), leaver) : null;
  return other?.id ?? requireOwnerId(principal.id);
}

function noSuchUser(): AppError {
  return new AppError("not_found", "There is no such user.");
}
