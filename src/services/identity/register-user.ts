import type { Call } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import { createId, type UserId, type WorkspaceId } from "../../domain/ids.ts";
import type { Deps } from "../deps.ts";
import { requireUsablePassword } from "./require-usable-password.ts";

/** What a person fills in. The email is in lower case. */
export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly name: string | null;
  readonly workspaceName: string | null;
}

/** The first admin of a workspace just made. */
export interface RegisteredUser {
  readonly id: UserId;
  readonly workspaceId: WorkspaceId;
  readonly email: string;
  readonly name: string | null;
}

/**
 * Makes a workspace and its first admin. It does not log in.
 *
 * @throws `registration_closed`; `invalid_request` for an unusable password; `conflict` when the email is taken.
 */
export async function registerUser(
  deps: Pick<Deps, "settings" | "users" | "passwords" | "audit" | "random">,
  registration: Registration,
  call: Call,
): Promise<RegisteredUser> {
  const { email, name } = registration;
  if (deps.settings.registration === "closed") throw closed();
  requireUsablePassword(registration.password, "password");
  const id = createId("usr", deps.random);
  const workspaceId = createId("wsp", deps.random);

  // Hashed before the email is looked at, so that a taken one takes as long.
  const passwordHash = await deps.passwords.hash(registration.password);
  const outcome = await deps.users.register({
    workspaceId,
    workspaceName: registration.workspaceName ?? name ?? "My workspace",
    userId: id,
    email,
    name,
    passwordHash,
    firstOnly: deps.settings.registration === "first",
  });
  if (outcome === "closed") throw closed();
  if (outcome === "email_taken") throw new AppError("conflict", "An account with this email exists already.");

  await deps.audit.record(workspaceId, {
    action: "user.registered",
    outcome: "success",
    actor: { type: "user", id },
    resource: { type: "user", id },
    ip: call.ip,
    requestId: call.requestId,
    detail: {},
  });
  return { id, workspaceId, email, name };
}

function closed(): AppError {
  return new AppError("registration_closed", "Registration is closed; ask an admin for an account.");
}
