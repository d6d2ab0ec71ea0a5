import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import type { UserId } from "../../domain/ids.ts";
import type { User } from "../../domain/ports/identity.ts";
import type { Principal } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { applyChange } from "./update-user.ts";

/** Disconnects the private connections of `from` and passes the shared ones to the caller. Safe to call again. */
export type ReleaseConnections = (from: UserId) => Promise<void>;

/**
 * Deactivates a person of the caller's workspace: their sessions end, then their connections are released.
 * Safe to call again when the second half failed.
 *
 * @throws `not_found`; `conflict` for the last admin, and for oneself: nobody would be left to take the connections.
 */
export async function deactivateUser(
  deps: Pick<Deps, "users" | "identities" | "audit">,
  principal: Principal,
  id: UserId,
  releaseConnections: ReleaseConnections,
  call: Call,
): Promise<User> {
  if (id === principal.id) {
    throw new AppError("conflict", "You cannot deactivate yourself; another admin can.");
  }
  const user = await applyChange(deps, principal, id, { isActive: false });
  const entry = entryOf("user.deactivated", principal, { type: "user", id }, call);
  await deps.audit.record(principal.workspaceId, entry);
  await releaseConnections(id);
  return user;
}
