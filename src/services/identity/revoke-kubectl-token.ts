import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import type { KubectlTokenId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/** Revokes a cluster agent's token of the caller's workspace, here at once. @throws `not_found`. */
export async function revokeKubectlToken(
  deps: Pick<Deps, "kubectlTokens" | "identities" | "audit">,
  principal: Principal,
  id: KubectlTokenId,
  call: Call,
): Promise<void> {
  const isRevoked = await deps.kubectlTokens.revoke(scopeOf(principal), id);
  if (!isRevoked) throw new AppError("not_found", "There is no such token.");
  deps.identities.forget({ kubectlTokenId: id });
  const entry = entryOf("kubectl_token.revoked", principal, { type: "kubectl_token", id }, call);
  await deps.audit.record(principal.workspaceId, entry);
}
