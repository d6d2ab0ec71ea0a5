import type { Page, PageRequest } from "../../domain/page.ts";
import type { KubectlToken } from "../../domain/ports/identity-stores.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/** The live tokens of cluster agents in the caller's workspace, oldest first, without the tokens. */
export async function listKubectlTokens(
  deps: Pick<Deps, "kubectlTokens">,
  principal: Principal,
  request: PageRequest,
): Promise<Page<KubectlToken>> {
  return deps.kubectlTokens.list(scopeOf(principal), request);
}
