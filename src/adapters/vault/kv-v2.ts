import { AppError } from "../../domain/errors.ts";
import type { JsonObject } from "../../domain/json.ts";
import type { SecretStore, SecretVersion, StoredSecret } from "../../domain/ports/secret-store.ts";
import type { SecretPlace } from "../../domain/secret-ref.ts";
import type { VaultAnswer } from "./exchange.ts";
import {
  isAbsent,
  parseNames,
  parseNewestVersion,
  parseSecret,
  parseVersions,
  parseWrittenVersion,
} from "./kv-answers.ts";
import { createSecretPath } from "./secret-path.ts";
import type { VaultHttp } from "./vault-http.ts";

/** Vault's words for a `cas` that is not the newest version; the status alone (400) has other meanings too. */
const CAS_MISMATCH = "check-and-set parameter did not match the current version";

/** About a hundred thousand of our names; an isolate has 128 MB. */
const MAX_LIST_BYTES = 12_582_912;

/**
 * The {@link SecretStore} over Vault's KV version 2.
 *
 * @see https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
 */
export function createSecretStore(vault: VaultHttp): SecretStore {
  return {
    read: (place) => read(vault, place, null),
    readVersion: (place, version) => read(vault, place, version),
    readNewestVersion: (place) => readNewestVersion(vault, place),
    listVersions: (place) => listVersions(vault, place),
    write: (place, data, cas) => write(vault, place, data, cas),
    label: (place, labels) => label(vault, place, labels),
    erase: (place) => erase(vault, place),
    list: (folder) => list(vault, folder),
    check: () => check(vault),
  };
}

/** Vault answers 404 to a path never written and to a deleted version alike; both are null. */
async function read(vault: VaultHttp, place: SecretPlace, version: number | null): Promise<StoredSecret | null> {
  // Vault takes version 0 for "the newest"; to us it is a version that never was.
  if (version !== null && !(Number.isSafeInteger(version) && version > 0)) return null;
  const query = version === null ? "" : `?version=${version}`;
  const answer = await vault.send({ method: "GET", path: `${createSecretPath("data", place)}${query}` });
  if (isAbsent(answer)) return null;
  return parseSecret(requireSuccess(answer).body);
}

async function readNewestVersion(vault: VaultHttp, place: SecretPlace): Promise<number> {
  const answer = await vault.send({ method: "GET", path: createSecretPath("metadata", place) });
  return isAbsent(answer) ? 0 : parseNewestVersion(requireSuccess(answer).body);
}

/** Oldest first. Versions beyond the mount's `max_versions` (10 unless set) are gone and not listed. */
async function listVersions(vault: VaultHttp, place: SecretPlace): Promise<readonly SecretVersion[]> {
  const answer = await vault.send({ method: "GET", path: createSecretPath("metadata", place) });
  return isAbsent(answer) ? [] : parseVersions(requireSuccess(answer).body, vault.now());
}

/**
 * Writes `{"value": "<JSON text of data>"}`, the shape an existing Aurora reads.
 *
 * When a try's answer was lost and the next meets a mismatch, the version after `cas` is read: if it holds exactly this
 * text, the lost try was ours and its number is the answer.
 */
async function write(vault: VaultHttp, place: SecretPlace, data: JsonObject, cas: number): Promise<number | null> {
  const value = JSON.stringify(data);
  const body = { data: { value }, options: { cas } };
  const answer = await vault.send({ method: "POST", path: createSecretPath("data", place), body });
  if (!isCasMismatch(answer)) return parseWrittenVersion(requireSuccess(answer).body);
  if (!answer.repeated) return null;
  const written = await read(vault, place, cas + 1);
  return written !== null && JSON.stringify(written.data) === value ? written.version : null;
}

/** Replaces the whole `custom_metadata`; works before the first version is written, and does not count as one. */
async function label(vault: VaultHttp, place: SecretPlace, labels: Readonly<Record<string, string>>): Promise<void> {
  const body = { custom_metadata: { ...labels } };
  requireSuccess(await vault.send({ method: "POST", path: createSecretPath("metadata", place), body }));
}

/** Deleting the metadata destroys every version with it; Vault answers 204 also when there was nothing. */
async function erase(vault: VaultHttp, place: SecretPlace): Promise<void> {
  const answer = await vault.send({ method: "DELETE", path: createSecretPath("metadata", place) });
  if (!isAbsent(answer)) requireSuccess(answer);
}

/**
 * Vault answers every name of a folder at once; it has no pages.
 *
 * @see https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#list-secrets
 */
async function list(vault: VaultHttp, folder: SecretPlace): Promise<readonly string[] | null> {
  const path = `${createSecretPath("metadata", folder)}/?list=true`;
  const answer = await vault.send({ method: "GET", path, maxBytes: MAX_LIST_BYTES, mayBeRefused: true });
  if (answer.status === 403) return null;
  return isAbsent(answer) ? [] : parseNames(requireSuccess(answer).body);
}

/** Looking up our own token is allowed to every token by the default policy, and fails when the store is sealed. */
async function check(vault: VaultHttp): Promise<void> {
  requireSuccess(await vault.send({ method: "GET", path: "/v1/auth/token/lookup-self" }));
}

function isCasMismatch({ status, body }: VaultAnswer): boolean {
  return status === 400 && Array.isArray(body["errors"]) && body["errors"].includes(CAS_MISMATCH);
}

/** @throws `vault_unavailable` on any refusal; Vault's own words stay here, since they can quote the path. */
function requireSuccess(answer: VaultAnswer): VaultAnswer {
  if (answer.status < 300) return answer;
  const reason = answer.status === 404 ? "has no KV version 2 engine at our mount" : `refused the call`;
  throw new AppError("vault_unavailable", `The secret store ${reason} (status ${answer.status}).`);
}
