import type { SessionId } from "../../domain/ids.ts";
import type { PageRequest, Session } from "../../domain/ports/identity-stores.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { type Page, toPage } from "./page.ts";

/** The caller's own live sessions, newest first. */
export async function listSessions(
  deps: Pick<Deps, "sessions">,
  principal: Principal,
  request: PageRequest<SessionId>,
): Promise<Page<Session>> {
  return toPage(request, (wider) => deps.sessions.list(scopeOf(principal), wider));
}
