import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/** Ends the caller's session. @throws `forbidden` for a caller who has none. */
export async function logOut(
  deps: Pick<Deps, "sessions" | "identities" | "audit">,
  principal: Principal,
  call: Call,
): Promise<void> {
  const { credential } = principal;
  if (credential.kind !== "session") throw new AppError("forbidden", "Only a session can be logged out.");
  await deps.sessions.end(scopeOf(principal), credential.sessionId);
  deps.identities.forget({ sessionId: credential.sessionId });
  const resource = { type: "session", id: credential.sessionId } as const;
  await deps.audit.record(principal.workspaceId, entryOf("user.logout", principal, resource, call));
}
