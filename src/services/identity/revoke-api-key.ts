import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import { type ApiKeyId, requireOwnerId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { ReleaseConnections } from "../connections/release-connections.ts";
import type { Deps } from "../deps.ts";
import { requireKeyMaker } from "./create-api-key.ts";

/**
 * Revokes a key of the caller's workspace, here at once. With the last live key of its principal go the connections that
 * principal owns: nobody could reach them any more. Safe to call again when that half failed.
 *
 * @throws `forbidden` outside a session; `not_found` for a key that is not there, or has nothing left to take away.
 */
export async function revokeApiKey(
  deps: Pick<Deps, "apiKeys" | "identities" | "audit">,
  principal: Principal,
  id: ApiKeyId,
  releaseConnections: ReleaseConnections,
  call: Call,
): Promise<void> {
  requireKeyMaker(principal, []);
  const scope = scopeOf(principal);
  const found = await deps.apiKeys.revoke(scope, id);
  if (found === null) throw noSuchKey();
  if (found.isRevoked) await recordRevocation(deps, principal, id, call);
  // Asked after the key is gone: of two last keys revoked at once, the later one sees neither.
  const isLast = !(await deps.apiKeys.hasLiveKey(scope, found.principalId));
  const released = isLast ? await releaseConnections(found.principalId, requireOwnerId(principal.id)) : 0;
  if (!found.isRevoked && released === 0) throw noSuchKey();
}

async function recordRevocation(
  deps: Pick<Deps, "identities" | "audit">,
  principal: Principal,
  id: ApiKeyId,
  call: Call,
): Promise<void> {
  deps.identities.forget({ keyId: id });
  const entry = entryOf("apikey.revoked", principal, { type: "api_key", id }, call);
  await deps.audit.record(principal.workspaceId, entry);
}

function noSuchKey(): AppError {
  return new AppError("not_found", "There is no such API key.");
}
