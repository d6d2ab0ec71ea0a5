import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import type { SessionId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

type LogOutDeps = Pick<Deps, "sessions" | "sessionTokens" | "identities" | "audit">;

/**
 * Ends the caller's session, and the one in the cookie where that is another one of theirs: the browser forgets it.
 *
 * @throws `forbidden` for a caller who has none.
 */
export async function logOut(
  deps: LogOutDeps,
  principal: Principal,
  cookies: readonly string[],
  call: Call,
): Promise<void> {
  const { credential } = principal;
  if (credential.kind !== "session") throw new AppError("forbidden", "Only a session can be logged out.");
  const claims = await Promise.all(cookies.map((token) => deps.sessionTokens.verify(token)));
  const inCookies = claims.flatMap((claim) => (claim === null ? [] : [claim.sessionId]));
  for (const sessionId of new Set([credential.sessionId, ...inCookies])) {
    await endSession(deps, principal, sessionId, call);
  }
}

async function endSession(deps: LogOutDeps, principal: Principal, sessionId: SessionId, call: Call): Promise<void> {
  await deps.sessions.end(scopeOf(principal), sessionId);
  deps.identities.forget({ sessionId });
  const resource = { type: "session", id: sessionId } as const;
  await deps.audit.record(principal.workspaceId, entryOf("user.logout", principal, resource, call));
}
