import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import type { SessionId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/** Ends one of the caller's own sessions, this one or another. @throws `not_found` when it is not theirs or has ended. */
export async function endSession(
  deps: Pick<Deps, "sessions" | "identities" | "audit">,
  principal: Principal,
  sessionId: SessionId,
  call: Call,
): Promise<void> {
  const isEnded = await deps.sessions.end(scopeOf(principal), sessionId);
  if (!isEnded) throw new AppError("not_found", "There is no such session.");
  deps.identities.forget({ sessionId });
  const entry = entryOf("session.ended", principal, { type: "session", id: sessionId }, call);
  await deps.audit.record(principal.workspaceId, entry);
}
