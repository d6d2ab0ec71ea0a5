import type { UserId } from "../../domain/ids.ts";
import type { User } from "../../domain/ports/identity.ts";
import type { PageRequest } from "../../domain/ports/identity-stores.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { type Page, toPage } from "./page.ts";

/** The people of the caller's workspace, deactivated ones too, oldest first. */
export async function listUsers(
  deps: Pick<Deps, "users">,
  principal: Principal,
  request: PageRequest<UserId>,
): Promise<Page<User>> {
  return toPage(request, (wider) => deps.users.list(scopeOf(principal), wider));
}
