import type { Handshake } from "../../domain/handshake.ts";
import type { JsonObject } from "../../domain/json.ts";
import { hashUpstream } from "../connections/store-acquired.ts";
import type { Deps } from "../deps.ts";
import { createProviderContext } from "../provider-context.ts";
import { readAcquired } from "./acquired.ts";

/** Takes down, at the provider, a grant that no connection will hold. @throws as `Provider.revoke`; `database_unavailable`. */
export async function revokeGrant(
  deps: Pick<Deps, "connections" | "now" | "providerSettings" | "providers" | "send" | "sha256">,
  handshake: Handshake,
  held: JsonObject,
): Promise<void> {
  const provider = deps.providers.find(handshake.provider);
  const acquired = readAcquired(held);
  if (provider?.revoke == null || acquired === null) return;
  const scope = { userId: handshake.starter.effectiveId, workspaceId: handshake.starter.workspaceId };
  // At some providers one revocation ends every grant of that account: a live connection must not die of it.
  const upstream = acquired.upstreamAccount;
  const hash = upstream === null ? null : await hashUpstream(deps, provider, upstream);
  if (hash !== null && (await deps.connections.isGrantLive(scope, provider.id, hash))) return;
  await provider.revoke(acquired.secret, await createProviderContext(deps, provider, scope));
}
