import type { Page, PageRequest } from "../../domain/page.ts";
import type { User } from "../../domain/ports/identity.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/** The people of the caller's workspace, deactivated ones too, oldest first. */
export async function listUsers(
  deps: Pick<Deps, "users">,
  principal: Principal,
  request: PageRequest,
): Promise<Page<User>> {
  return deps.users.list(scopeOf(principal), request);
}
