import { AppError } from "../../domain/errors.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "../../domain/json.ts";
import type { SecretVersion, StoredSecret } from "../../domain/ports/secret-store.ts";
import type { VaultAnswer } from "./exchange.ts";

/**
 * Says whether a 404 means "nothing there": Vault sends `{"errors": []}` for a path never written and `data` for a deleted
 * version. A mount that does not exist is a 404 with words in `errors`, and must not pass for an empty secret.
 */
export function isAbsent({ status, body }: VaultAnswer): boolean {
  if (status !== 404) return false;
  const errors = body["errors"];
  return isJsonObject(body["data"]) || (Array.isArray(errors) && errors.length === 0);
}

/** The secret in `{data: {data, metadata: {version}}}`. */
export function parseSecret(body: JsonObject): StoredSecret {
  const outer = requireObject(body["data"]);
  const { version } = requireObject(outer["metadata"]);
  return { data: unwrap(requireObject(outer["data"])), version: requireInteger(version) };
}

/** The number in `{data: {version}}`. */
export function parseWrittenVersion(body: JsonObject): number {
  return requireInteger(requireObject(body["data"])["version"]);
}

/** The number in `{data: {current_version}}`; 0 for a secret that was labelled and never written. */
export function parseNewestVersion(body: JsonObject): number {
  return requireInteger(requireObject(body["data"])["current_version"]);
}

/**
 * The versions in `{data: {versions: {"1": {created_time, deletion_time, destroyed}, …}}}`, oldest first.
 *
 * @param nowMs Milliseconds since 1970: a `deletion_time` may lie in the future (`delete_version_after`).
 */
export function parseVersions(body: JsonObject, nowMs: number): readonly SecretVersion[] {
  const versions = requireObject(requireObject(body["data"])["versions"]);
  return Object.entries(versions)
    .map(([number, raw]) => parseVersion(number, requireObject(raw), nowMs))
    .sort((one, other) => one.version - other.version);
}

/** The names in `{data: {keys: […]}}`. */
export function parseNames(body: JsonObject): readonly string[] {
  const { keys } = requireObject(body["data"]);
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) throw createUnreadable();
  return keys;
}

function parseVersion(number: string, raw: JsonObject, nowMs: number): SecretVersion {
  const { created_time: createdAt, deletion_time: deletedAt, destroyed } = raw;
  const isDeleted = typeof deletedAt === "string" && deletedAt !== "" && Date.parse(deletedAt) <= nowMs;
  return {
    version: requireInteger(Number(number)),
    createdAt: typeof createdAt === "string" ? createdAt : "",
    readable: destroyed !== true && !isDeleted,
  };
}

/** `{"value": "<JSON object>"}` → that object; a `value` of other text → `{token: text}`; any other object is itself. */
function unwrap(data: JsonObject): JsonObject {
  const { value } = data;
  if (typeof value !== "string" || Object.keys(data).length !== 1) return data;
  return parseJsonObject(value) ?? { token: value };
}

function requireObject(value: unknown): JsonObject {
  if (isJsonObject(value)) return value;
  throw createUnreadable();
}

function requireInteger(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw createUnreadable();
}

function createUnreadable(): AppError {
  return new AppError("vault_unavailable", "The secret store's answer is not that of a KV version 2 engine.");
}
