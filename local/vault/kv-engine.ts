import { isJsonObject, type JsonObject } from "../../src/domain/json.ts";
import { type Reply, replyData, replyDeleted, replyErrors, replyNothing } from "./replies.ts";
import {
  addVersion,
  changeVersions,
  createSecretRecord,
  deletionTime,
  isGone,
  type MountConfig,
  type SecretRecord,
  type VersionRecord,
} from "./secret-record.ts";

/** An answer, and the secret as it is afterwards: absent when unchanged, null when it is gone. */
export interface Change {
  readonly reply: Reply;
  readonly record?: SecretRecord | null;
}

/** One call about one secret. */
export interface SecretCall {
  readonly record: SecretRecord | null;
  readonly config: MountConfig;
  readonly body: JsonObject;
  readonly now: Date;
}

/**
 * Reads a version; 0 means the newest.
 *
 * @see https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version
 */
export function readSecret({ record, now }: SecretCall, version: number): Change {
  if (!Number.isInteger(version)) return { reply: replyErrors(400, 'Field validation failed: "version" is no number') };
  const number = version > 0 ? version : (record?.currentVersion ?? 0);
  const found = record?.versions[number];
  if (!record || !found) return { reply: replyErrors(404) };
  const metadata = describeVersion(record, number, found);
  if (isGone(found, now)) return { reply: replyDeleted({ data: null, metadata }) };
  return { reply: replyData({ data: found.data, metadata }) };
}

/** Writes a version if `options.cas` allows it. */
export function writeSecret(call: SecretCall): Change {
  const { body, config, now } = call;
  // Vault takes null for an empty object.
  const data = body["data"] === null ? {} : body["data"];
  if (!isJsonObject(data)) return { reply: replyErrors(400, "no data provided") };
  const record = call.record ?? createSecretRecord(now.toISOString());
  const refusal = refuseCas(record, config, isJsonObject(body["options"]) ? body["options"] : {});
  if (refusal) return { reply: replyErrors(400, refusal) };
  const changed = addVersion(record, config, data, now);
  const written = changed.versions[changed.currentVersion];
  if (!written) throw new Error("the version just written is missing");
  return { reply: replyData(describeVersion(changed, changed.currentVersion, written)), record: changed };
}

/** Marks the newest version deleted. */
export function deleteNewest(call: SecretCall): Change {
  return markDeleted(call, call.record ? [call.record.currentVersion] : []);
}

/** Marks the versions in `body.versions` deleted. */
export function deleteVersions(call: SecretCall): Change {
  return withVersions(call, "No version number provided", (numbers) => markDeleted(call, numbers));
}

/** Takes the mark off again. */
export function undeleteVersions(call: SecretCall): Change {
  return withVersions(call, "No version number provided", (numbers) =>
    alter(call, numbers, (record) => (version) => ({
      ...version,
      deletionTime: deletionTime(record, call.config, call.now),
    })),
  );
}

/** Throws the data of the versions away for good. */
export function destroyVersions(call: SecretCall): Change {
  return withVersions(call, "no version number provided", (numbers) =>
    alter(call, numbers, () => (version) => ({ ...version, destroyed: true, data: null })),
  );
}

function refuseCas(record: SecretRecord, config: MountConfig, options: JsonObject): string | null {
  if (!("cas" in options)) {
    return config.casRequired || record.casRequired ? "check-and-set parameter required for this call" : null;
  }
  const cas = Number(options["cas"]);
  if (!Number.isInteger(cas)) return "error parsing check-and-set parameter";
  return cas === record.currentVersion ? null : "check-and-set parameter did not match the current version";
}

function markDeleted(call: SecretCall, numbers: readonly number[]): Change {
  const { now } = call;
  return alter(call, numbers, () => (version) => {
    return isGone(version, now) ? version : { ...version, deletionTime: now.toISOString() };
  });
}

function alter(
  { record }: SecretCall,
  numbers: readonly number[],
  change: (record: SecretRecord) => (version: VersionRecord) => VersionRecord,
): Change {
  if (!record) return { reply: replyNothing() };
  return { reply: replyNothing(), record: changeVersions(record, numbers, change(record)) };
}

function withVersions({ body }: SecretCall, refusal: string, act: (numbers: readonly number[]) => Change): Change {
  const raw = body["versions"];
  // Vault takes a list, and `"1,2"` as well.
  const numbers = (
    Array.isArray(raw)
      ? raw
      : String(raw ?? "")
          .split(",")
          .filter(Boolean)
  ).map(Number);
  if (numbers.length === 0 || !numbers.every(Number.isInteger)) return { reply: replyErrors(400, refusal) };
  return act(numbers);
}

function describeVersion(record: SecretRecord, version: number, found: VersionRecord): JsonObject {
  return {
    version,
    created_time: found.createdTime,
    deletion_time: found.deletionTime,
    destroyed: found.destroyed,
    custom_metadata: record.customMetadata,
  };
}
