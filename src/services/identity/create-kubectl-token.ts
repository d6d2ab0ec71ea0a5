import { type Call, entryOf } from "../../domain/call.ts";
import { createId } from "../../domain/ids.ts";
import { createKubectlSecret, KUBECTL_PERMISSIONS } from "../../domain/kubectl-token.ts";
import type { KubectlToken } from "../../domain/ports/identity-stores.ts";
import { type Principal, requirePermission, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/** What a cluster agent's token is made for. */
export interface KubectlTokenDraft {
  readonly clusterName: string;
  readonly notes: string | null;
  /** Null = it does not expire. */
  readonly expiresInSeconds: number | null;
}

/** A token just made, with the one sight of the token itself. */
export interface IssuedKubectlToken extends KubectlToken {
  readonly secret: string;
}

/**
 * Makes a token for a cluster agent of the caller's workspace.
 *
 * @throws `forbidden` when the caller lacks a permission the token would have: making one must not be a way to more.
 */
export async function createKubectlToken(
  deps: Pick<Deps, "kubectlTokens" | "audit" | "random" | "sha256">,
  principal: Principal,
  draft: KubectlTokenDraft,
  call: Call,
): Promise<IssuedKubectlToken> {
  for (const permission of KUBECTL_PERMISSIONS) requirePermission(principal, permission);
  const secret = createKubectlSecret(deps.random);
  const token = await deps.kubectlTokens.create(scopeOf(principal), {
    ...draft,
    id: createId("kct", deps.random),
    tokenHash: await deps.sha256(secret),
  });
  const resource = { type: "kubectl_token", id: token.id } as const;
  const detail = { cluster_name: draft.clusterName };
  await deps.audit.record(principal.workspaceId, entryOf("kubectl_token.created", principal, resource, call, detail));
  return { ...token, secret };
}
