import type { ConnectionBinding } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import { parseJsonObject } from "../../domain/json.ts";
import type { RefreshAnswer } from "../../domain/ports/keepers.ts";
import { parseSecretRef, type SecretPlace } from "../../domain/secret-ref.ts";
import type { Credential, SecretData } from "../../domain/token-data.ts";
import { lacksCredential } from "../../providers/provider.ts";
import type { Deps } from "../deps.ts";
import { type Escrow, type KeeperRecord, type KeeperState, newRecord } from "./keeper-state.ts";

/** What one keeper works with: the ports, its own storage, and what it has under way in this life. */
export interface Keeper {
  readonly deps: Pick<
    Deps,
    | "audit"
    | "connections"
    | "credentialCache"
    | "metrics"
    | "now"
    | "nowMs"
    | "providers"
    | "providerSettings"
    | "random"
    | "sealer"
    | "secrets"
    | "send"
    | "settings"
    | "sleep"
  >;
  readonly state: KeeperState;
  readonly underWay: UnderWay;
}

/** Promises callers share. They die with the object, as the calls they stand for do. */
export interface UnderWay {
  refresh: { readonly force: boolean; readonly answer: Promise<RefreshAnswer> } | null;
  settling: Promise<void> | null;
  /** The newest credential known in this life: what a caller gets who cannot wait for the provider. */
  fallback: Credential | null;
}

/** The keeper's record, with the owner the caller knows. @throws `not_found` after a disconnect. */
export function openRecord(keeper: Keeper, binding: ConnectionBinding): KeeperRecord {
  if (keeper.state.read() === null) keeper.state.write(newRecord(binding));
  const known = requireConnected(keeper);
  // Nothing else of a connection can change. A thousand callers are a thousand reads of the record, not as many writes.
  return known.binding.ownerId === binding.ownerId ? known : updateRecord(keeper, { binding });
}

/** The record of a connection that was not disconnected. @throws `not_found` otherwise. */
export function requireConnected(keeper: Keeper): KeeperRecord {
  const record = requireRecord(keeper);
  if (record.erasure !== null) throw new AppError("not_found", "This connection was disconnected.");
  return record;
}

/** Changes the record in one step; answers what it became. */
export function updateRecord(keeper: Keeper, change: Partial<KeeperRecord>): KeeperRecord {
  const record = { ...requireRecord(keeper), ...change };
  keeper.state.write(record);
  return record;
}

export function requireRecord(keeper: Keeper): KeeperRecord {
  const record = keeper.state.read();
  if (record === null) throw new Error("a keeper was used before it was bound to a connection");
  return record;
}

/** True when a newer secret, or a disconnect, took the escrow's place while we waited. */
export function isOvertaken(keeper: Keeper, escrow: Escrow): boolean {
  const record = requireRecord(keeper);
  return record.erasure !== null || record.escrow?.id !== escrow.id;
}

/** Keeps the newest credential, of that secret, for callers who cannot wait. */
export function rememberCredential(keeper: Keeper, credential: Credential, secret: SecretData): void {
  keeper.underWay.fallback = holdsCredential(keeper, secret) ? credential : null;
}

/** False for a secret that a credential is only made from: it can be lent to nobody. */
export function holdsCredential(keeper: Keeper, secret: SecretData): boolean {
  const provider = keeper.deps.providers.find(requireRecord(keeper).binding.provider);
  return provider === null || !lacksCredential(provider, secret);
}

export function placeOf(keeper: Keeper, binding: ConnectionBinding): SecretPlace {
  return parseSecretRef(binding.secretRef, keeper.deps.settings.vaultMount);
}

/** Bound into every escrow: one of another connection does not open here. */
function escrowContext(binding: ConnectionBinding): string {
  return `${binding.workspaceId}|${binding.id}`;
}

export function sealSecret(keeper: Keeper, binding: ConnectionBinding, secret: SecretData): Promise<string> {
  return keeper.deps.sealer.seal("escrow", escrowContext(binding), JSON.stringify(secret));
}

/** The secret in an escrow; null when its sealing key was retired. */
export async function openSecret(
  keeper: Keeper,
  binding: ConnectionBinding,
  sealed: string,
): Promise<SecretData | null> {
  const plain = await keeper.deps.sealer.open("escrow", escrowContext(binding), sealed);
  return plain === null ? null : parseJsonObject(plain);
}

/** The fields of a connection's secret that callers may see; none for a provider this deployment no longer knows. */
export function exposedFields(keeper: Keeper, binding: ConnectionBinding): readonly string[] {
  return keeper.deps.providers.find(binding.provider)?.exposes ?? [];
}
