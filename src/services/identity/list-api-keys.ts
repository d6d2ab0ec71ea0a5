import type { Page, PageRequest } from "../../domain/page.ts";
import type { ApiKey } from "../../domain/ports/identity-stores.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/** The live keys of the caller's workspace, oldest first, without the keys. */
export async function listApiKeys(
  deps: Pick<Deps, "apiKeys">,
  principal: Principal,
  request: PageRequest,
): Promise<Page<ApiKey>> {
  return deps.apiKeys.list(scopeOf(principal), request);
}
