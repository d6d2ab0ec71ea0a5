import type { ApiKeyId } from "../../domain/ids.ts";
import type { ApiKey, PageRequest } from "../../domain/ports/identity-stores.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { type Page, toPage } from "./page.ts";

/** The live keys of the caller's workspace, oldest first, without the keys. */
export async function listApiKeys(
  deps: Pick<Deps, "apiKeys">,
  principal: Principal,
  request: PageRequest<ApiKeyId>,
): Promise<Page<ApiKey>> {
  return toPage(request, (wider) => deps.apiKeys.list(scopeOf(principal), wider));
}
