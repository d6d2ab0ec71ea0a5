import { createApiKeySecret, createKeyPrefix } from "../../domain/api-key.ts";
import { type Call, entryOf } from "../../domain/call.ts";
import { AppError } from "../../domain/errors.ts";
import { type ApiKeyId, createId } from "../../domain/ids.ts";
import { mayGiveToKey, type Permission } from "../../domain/permissions.ts";
import type { ApiKey, NewApiKey } from "../../domain/ports/identity-stores.ts";
import { type Principal, scopeOf } from "../../domain/principal.ts";
import { addSeconds, type EpochSeconds } from "../../domain/time.ts";
import type { Deps } from "../deps.ts";

/** What a key is made for. */
export interface KeyDraft {
  readonly serviceName: string;
  /** Null = it does not expire. */
  readonly expiresInSeconds: number | null;
  readonly permissions: readonly Permission[];
}

/** A key just made, with the one sight of the key itself. */
export interface IssuedKey extends Omit<ApiKey, "lastUsedAt"> {
  readonly secret: string;
}

/**
 * Makes a key of the caller's workspace.
 *
 * @throws `forbidden` when the caller is not a session, or gives what it may not give.
 */
export async function createApiKey(
  deps: Pick<Deps, "apiKeys" | "audit" | "random" | "sha256" | "now">,
  principal: Principal,
  draft: KeyDraft,
  call: Call,
): Promise<IssuedKey> {
  requireKeyMaker(principal, draft.permissions);
  const { issued, stored } = await mintKey(deps, draft, null);
  await deps.apiKeys.create(scopeOf(principal), stored);
  const detail = { permissions: issued.permissions, key_prefix: issued.keyPrefix };
  const entry = entryOf("apikey.created", principal, { type: "api_key", id: issued.id }, call, detail);
  await deps.audit.record(principal.workspaceId, entry);
  return issued;
}

/** @throws `forbidden` unless the caller is a session that may give every one of `permissions` to a key. */
export function requireKeyMaker(principal: Principal, permissions: readonly Permission[]): void {
  if (principal.credential.kind !== "session") {
    throw new AppError("forbidden", "API keys are made, rotated and revoked in a session only.");
  }
  const refused = permissions.find((wanted) => !mayGiveToKey(wanted, principal.permissions, principal.role));
  if (refused !== undefined) throw new AppError("forbidden", `You cannot give ${refused} to an API key.`);
}

/**
 * A new key, and what is stored of it.
 *
 * @param principalId As whom it acts; null = as itself.
 */
export async function mintKey(
  deps: Pick<Deps, "random" | "sha256" | "now">,
  draft: KeyDraft,
  principalId: ApiKeyId | null,
): Promise<{ readonly issued: IssuedKey; readonly stored: NewApiKey }> {
  const secret = createApiKeySecret(deps.random);
  const createdAt = deps.now();
  const id = createId("key", deps.random);
  const key = {
    id,
    principalId: principalId ?? id,
    serviceName: draft.serviceName,
    keyPrefix: createKeyPrefix(deps.random),
    permissions: [...new Set(draft.permissions)],
    createdAt,
    expiresAt: expiryOf(createdAt, draft.expiresInSeconds),
  };
  return { issued: { ...key, secret }, stored: { ...key, keyHash: await deps.sha256(secret) } };
}

function expiryOf(createdAt: EpochSeconds, seconds: number | null): EpochSeconds | null {
  return seconds === null ? null : addSeconds(createdAt, seconds);
}
