import type { Call } from "../../domain/call.ts";
import type { UserId } from "../../domain/ids.ts";
import type { User } from "../../domain/ports/identity.ts";
import type { Principal } from "../../domain/principal.ts";
import type { ReleaseConnections } from "../connections/release-connections.ts";
import type { Deps } from "../deps.ts";
import { updateUser } from "./update-user.ts";

/** Deactivates a person of the caller's workspace. @throws as {@link updateUser}. */
export function deactivateUser(
  deps: Pick<Deps, "users" | "passwords" | "identities" | "audit">,
  principal: Principal,
  id: UserId,
  releaseConnections: ReleaseConnections,
  call: Call,
): Promise<User> {
  return updateUser(deps, principal, id, { isActive: false }, releaseConnections, call);
}
