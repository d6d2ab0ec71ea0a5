import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import { readId, type UserId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { requireUsablePassword } from "./require-usable-password.ts";

type PasswordDeps = Pick<Deps, "users" | "passwords" | "identities" | "audit">;

/** What the person typed. */
export interface PasswordChange {
  readonly currentPassword: string;
  readonly newPassword: string;
}

/**
 * Changes the caller's own password and ends every other session of theirs; all of them when a key impersonates.
 *
 * @throws `forbidden` for a key acting as itself; `invalid_request` when the new password is unusable or the old one;
 *         `not_found` when the user is gone; `invalid_credentials` when the current password is wrong.
 */
export async function changePassword(
  deps: PasswordDeps,
  principal: Principal,
  change: PasswordChange,
  call: Call,
): Promise<void> {
  const userId = readId("usr", principal.id);
  if (userId === null) throw new AppError("forbidden", "An API key has no password; act for a user.");
  requireUsablePassword(change.newPassword, "newPassword");
  if (change.newPassword === change.currentPassword) {
    throw new AppError("invalid_request", "The new password must differ from the current one.");
  }
  const known = await findMatchingHash(deps, principal, userId, change.currentPassword);
  if (known === null || !(await setPassword(deps, principal, userId, known, change.newPassword))) {
    const entry = entryOf("user.password_change_failed", principal, { type: "user", id: userId }, call);
    await deps.audit.record(principal.workspaceId, { ...entry, outcome: "failure" });
    throw new AppError("invalid_credentials", "The current password is wrong.");
  }
  deps.identities.forget({ userId });
  const entry = entryOf("user.password_changed", principal, { type: "user", id: userId }, call);
  await deps.audit.record(principal.workspaceId, entry);
}

/** The stored hash, when that is the password; null when it is not. */
async function findMatchingHash(
  deps: PasswordDeps,
  principal: Principal,
  userId: UserId,
  password: string,
): Promise<string | null> {
  const stored = await deps.users.readPassword(scopeOf(principal), userId);
  if (stored === null) throw new AppError("not_found", "There is no such user.");
  return (await deps.passwords.matches(password, stored.hash)) ? stored.hash : null;
}

/** False when somebody else has changed it since it was found to match. */
async function setPassword(
  { users, passwords }: PasswordDeps,
  principal: Principal,
  userId: UserId,
  known: string,
  password: string,
): Promise<boolean> {
  const { credential } = principal;
  const keep = credential.kind === "session" ? credential.sessionId : null;
  return users.setPassword(scopeOf(principal), userId, known, await passwords.hash(password), keep);
}
