import type { KubectlTokenId } from "../../domain/ids.ts";
import type { KubectlToken, PageRequest } from "../../domain/ports/identity-stores.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { type Page, toPage } from "./page.ts";

/** The live tokens of cluster agents in the caller's workspace, oldest first, without the tokens. */
export async function listKubectlTokens(
  deps: Pick<Deps, "kubectlTokens">,
  principal: Principal,
  request: PageRequest<KubectlTokenId>,
): Promise<Page<KubectlToken>> {
  return toPage(request, (wider) => deps.kubectlTokens.list(scopeOf(principal), wider));
}
