import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import { createId } from "../../domain/ids.ts";
import type { UserRole } from "../../domain/permissions.ts";
import type { User } from "../../domain/ports/identity.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { requireUsablePassword } from "./require-usable-password.ts";

/** A colleague to be. The email is in lower case; without a password they are reached by impersonation only. */
export interface UserDraft {
  readonly email: string;
  readonly role: UserRole;
  readonly name: string | null;
  readonly password: string | null;
}

/**
 * Adds a person to the caller's workspace.
 *
 * @throws `invalid_request` for an unusable password; `conflict` when the email is taken, in whatever workspace.
 */
export async function createUser(
  deps: Pick<Deps, "users" | "passwords" | "audit" | "random">,
  principal: Principal,
  draft: UserDraft,
  call: Call,
): Promise<User> {
  const { email, name, role, password } = draft;
  if (password !== null) requireUsablePassword(password, "password");
  const passwordHash = password === null ? null : await deps.passwords.hash(password);
  const id = createId("usr", deps.random);
  const user = await deps.users.create(scopeOf(principal), { id, email, name, role, passwordHash });
  if (user === null) throw new AppError("conflict", "An account with this email exists already.");
  const entry = entryOf("user.created", principal, { type: "user", id }, call, { role });
  await deps.audit.record(principal.workspaceId, entry);
  return user;
}
