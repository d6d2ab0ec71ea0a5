import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import type { ApiKeyId } from "../../domain/ids.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import { addSeconds } from "../../domain/time.ts";
import type { Deps } from "../deps.ts";
import { type IssuedKey, mintKey, requireKeyMaker } from "./create-api-key.ts";

/**
 * Replaces a key by a new one with the same service, permissions and length of life, which acts as the same principal:
 * what the old key connected is the new one's too, during the grace and after it.
 *
 * @param graceSeconds How long the old key goes on working; 0 = not at all.
 * @throws `forbidden` outside a session, or when the key holds what the caller could not give; `not_found`;
 *         `conflict` when it was rotated before.
 */
export async function rotateApiKey(
  deps: Pick<Deps, "apiKeys" | "identities" | "audit" | "random" | "sha256" | "now">,
  principal: Principal,
  id: ApiKeyId,
  graceSeconds: number,
  call: Call,
): Promise<IssuedKey> {
  const scope = scopeOf(principal);
  requireKeyMaker(principal, []);
  const old = await deps.apiKeys.find(scope, id);
  if (old === null) throw new AppError("not_found", "There is no such API key.");
  requireKeyMaker(principal, old.permissions);

  const expiresInSeconds = old.expiresAt === null ? null : old.expiresAt - old.createdAt;
  const { issued, stored } = await mintKey(deps, { ...old, expiresInSeconds }, old.principalId);
  const oldUntil = graceSeconds === 0 ? null : addSeconds(deps.now(), graceSeconds);
  const isReplaced = await deps.apiKeys.replace(scope, id, stored, oldUntil);
  if (!isReplaced) throw new AppError("conflict", "This API key was rotated before; rotate its successor.");

  deps.identities.forget({ keyId: id });
  const detail = { successor: issued.id, grace_seconds: graceSeconds };
  const entry = entryOf("apikey.rotated", principal, { type: "api_key", id }, call, detail);
  await deps.audit.record(principal.workspaceId, entry);
  return issued;
}
