import { isJsonObject, type JsonObject } from "../../src/domain/json.ts";
import type { Change, SecretCall } from "./kv-engine.ts";
import { replyData, replyErrors, replyNothing } from "./replies.ts";
import { createSecretRecord, type MountConfig, type SecretRecord } from "./secret-record.ts";

/** Vault's limits on `custom_metadata`. */
const MAX_CUSTOM_KEYS = 64;
const MAX_CUSTOM_KEY_LENGTH = 128;
const MAX_CUSTOM_VALUE_LENGTH = 512;

/**
 * A secret's settings and versions, without any value.
 *
 * @see https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-metadata
 */
export function readMetadata({ record }: SecretCall): Change {
  return { reply: record ? replyData(describe(record)) : replyErrors(404) };
}

/** Changes the settings that are named; the secret need not have a version yet. */
export function writeMetadata({ record, body, now }: SecretCall): Change {
  const refusal = refuseCustomMetadata(body["custom_metadata"]);
  if (refusal) return { reply: replyErrors(400, refusal) };
  const found = record ?? createSecretRecord(now.toISOString());
  const { custom_metadata: custom } = body;
  return {
    reply: replyNothing(),
    record: {
      ...found,
      ...parseSettings(body, found),
      customMetadata: isJsonObject(custom) ? toTexts(custom) : found.customMetadata,
      updatedTime: now.toISOString(),
    },
  };
}

/** Forgets the secret altogether: every version and the settings. */
export function deleteMetadata({ record }: SecretCall): Change {
  return record ? { reply: replyNothing(), record: null } : { reply: replyNothing() };
}

/** The mount's settings as `…/config` shows them. */
export function describeConfig(config: MountConfig): JsonObject {
  return {
    max_versions: config.maxVersions,
    cas_required: config.casRequired,
    delete_version_after: toGoDuration(config.deleteVersionAfterSeconds),
  };
}

/** The settings in `body`, and `former` where it names none. */
export function parseSettings(body: JsonObject, former: MountConfig): MountConfig {
  const { max_versions: max, cas_required: cas, delete_version_after: after } = body;
  return {
    maxVersions: max === undefined ? former.maxVersions : Number(max) || 0,
    casRequired: cas === undefined ? former.casRequired : cas === true || cas === "true",
    deleteVersionAfterSeconds: after === undefined ? former.deleteVersionAfterSeconds : parseDuration(after),
  };
}

/**
 * The names directly below `folder` (empty, or ending in `/`), sorted; a deeper folder once, with its slash.
 *
 * @param paths Of every secret in the mount.
 */
export function listNames(paths: Iterable<string>, folder: string): readonly string[] {
  const names = new Set<string>();
  for (const path of paths) {
    if (!path.startsWith(folder)) continue;
    const rest = path.slice(folder.length);
    const slash = rest.indexOf("/");
    names.add(slash === -1 ? rest : rest.slice(0, slash + 1));
  }
  return [...names].sort();
}

function describe(record: SecretRecord): JsonObject {
  const versions = Object.entries(record.versions).map(([number, version]) => [
    number,
    { created_time: version.createdTime, deletion_time: version.deletionTime, destroyed: version.destroyed },
  ]);
  return {
    versions: Object.fromEntries(versions),
    current_version: record.currentVersion,
    oldest_version: record.oldestVersion,
    created_time: record.createdTime,
    updated_time: record.updatedTime,
    ...describeConfig(record),
    custom_metadata: record.customMetadata,
  };
}

function refuseCustomMetadata(custom: unknown): string | null {
  if (custom === undefined || custom === null) return null;
  if (!isJsonObject(custom)) return "custom_metadata must be a map of strings";
  const entries = Object.entries(custom);
  if (entries.length > MAX_CUSTOM_KEYS) return `custom_metadata validation failed: at most ${MAX_CUSTOM_KEYS} keys`;
  const isValid = entries.every(([key, value]) => {
    // Numbers and booleans are taken as their text.
    const length = typeof value === "object" ? 0 : String(value).length;
    return key.length > 0 && key.length <= MAX_CUSTOM_KEY_LENGTH && length > 0 && length <= MAX_CUSTOM_VALUE_LENGTH;
  });
  return isValid ? null : "custom_metadata validation failed: a key or value is empty or too long";
}

function toTexts(custom: JsonObject): Readonly<Record<string, string>> | null {
  const entries = Object.entries(custom).map(([key, value]) => [key, String(value)]);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

/** Seconds in `"3h25m19s"`, `"90"` or 90. */
function parseDuration(raw: unknown): number {
  if (typeof raw === "number") return Math.max(0, Math.floor(raw));
  const unitSeconds: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1 };
  const parts = [...String(raw).matchAll(/(\d+)([hms]?)/g)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitSeconds[unit || "s"] ?? 0), 0);
}

/** Go's form of a duration: `0s`, `1m30s`, `3h0m0s`. */
function toGoDuration(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  if (h > 0) return `${h}h${m}m${s}s`;
  return m > 0 ? `${m}m${s}s` : `${s}s`;
}
