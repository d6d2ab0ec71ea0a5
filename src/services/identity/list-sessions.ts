import type { Page, PageRequest } from "../../domain/page.ts";
import type { Session } from "../../domain/ports/identity-stores.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/** The caller's own live sessions, newest first. */
export async function listSessions(
  deps: Pick<Deps, "sessions">,
  principal: Principal,
  request: PageRequest,
): Promise<Page<Session>> {
  return deps.sessions.list(scopeOf(principal), request);
}
