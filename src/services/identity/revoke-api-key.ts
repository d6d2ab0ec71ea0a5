import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import type { ApiKeyId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";
import { requireKeyMaker } from "./create-api-key.ts";

/** Revokes a key of the caller's workspace, here at once. @throws `forbidden` outside a session; `not_found`. */
export async function revokeApiKey(
  deps: Pick<Deps, "apiKeys" | "identities" | "audit">,
  principal: Principal,
  id: ApiKeyId,
  call: Call,
): Promise<void> {
  requireKeyMaker(principal, []);
  const isRevoked = await deps.apiKeys.revoke(scopeOf(principal), id);
  if (!isRevoked) throw new AppError("not_found", "There is no such API key.");
  deps.identities.forget({ keyId: id });
  const entry = entryOf("apikey.revoked", principal, { type: "api_key", id }, call);
  await deps.audit.record(principal.workspaceId, entry);
}
