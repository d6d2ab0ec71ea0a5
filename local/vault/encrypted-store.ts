import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../src/domain/json.ts";
import { syncFolder, UNFINISHED, writeDurably } from "./durable-files.ts";

/** JSON objects by name, kept on disk as AES-256-GCM. */
export interface EncryptedStore {
  get(name: string): JsonObject | null;
  names(): Iterable<string>;
  /** Returns once the object is on disk. */
  put(name: string, value: JsonObject): void;
  remove(name: string): void;
  /** 64 hex digits; also what unseals the server. */
  readonly key: string;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const RECORD = ".sealed";

/**
 * Opens the store in a folder, made when absent; null keeps everything in memory.
 *
 * One file per object, named after an HMAC of its name, so that the folder tells neither names nor contents.
 * Everything is read at the start: it is one developer's set of secrets.
 *
 * @throws Error with one sentence for a person when the key is missing or a file cannot be opened with it.
 */
export function openEncryptedStore(folder: string | null): EncryptedStore {
  const key = folder === null ? randomBytes(KEY_BYTES) : openKey(folder);
  const objects = folder === null ? new Map<string, JsonObject>() : loadAll(folder, key);
  const fileOf = (name: string) => createHmac("sha256", key).update(name).digest("hex");
  return {
    key: key.toString("hex"),
    get: (name) => objects.get(name) ?? null,
    names: () => objects.keys(),
    put: (name, value) => {
      if (folder !== null) {
        const file = `${fileOf(name)}${RECORD}`;
        writeDurably(join(folder, file), seal(key, file, { name, value }), 0o600);
      }
      objects.set(name, value);
    },
    remove: (name) => {
      if (folder !== null && objects.has(name)) {
        unlinkSync(join(folder, `${fileOf(name)}${RECORD}`));
        syncFolder(folder);
      }
      objects.delete(name);
    },
  };
}

/** Reads the key, or makes one when the folder is new. */
function openKey(folder: string): Buffer {
  const path = join(folder, "key");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!existsSync(path)) {
      if (readdirSync(folder).some((file) => file.endsWith(RECORD))) {
        throw new Error(`The key of the embedded vault, ${path}, is missing, so the secrets beside it cannot be read.`);
      }
      writeDurably(path, Buffer.from(randomBytes(KEY_BYTES).toString("hex")), 0o600);
    }
    const key = Buffer.from(readFileSync(path, "utf8").trim(), "hex");
    if (key.length === KEY_BYTES) return key;
  } catch (error) {
    if (error instanceof Error && !("code" in error)) throw error;
    throw new Error(`The folder of the embedded vault, ${folder}, cannot be used (${readCode(error)}).`);
  }
  throw new Error(`The key of the embedded vault, ${path}, is not 64 hex digits; restore it or remove ${folder}.`);
}

function loadAll(folder: string, key: Buffer): Map<string, JsonObject> {
  const objects = new Map<string, JsonObject>();
  for (const file of readdirSync(folder)) {
    if (file.endsWith(UNFINISHED)) unlinkSync(join(folder, file));
    if (!file.endsWith(RECORD)) continue;
    const { name, value } = unseal(key, file, folder);
    objects.set(name, value);
  }
  return objects;
}

interface Sealed {
  readonly name: string;
  readonly value: JsonObject;
}

/** nonce ‖ tag ‖ ciphertext. The file's name is authenticated, so that files cannot be swapped. */
function seal(key: Buffer, file: string, content: Sealed): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(file));
  const ciphertext = Buffer.concat([cipher.update(JSON.stringify(content), "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
}

function unseal(key: Buffer, file: string, folder: string): Sealed {
  try {
    const bytes = readFileSync(join(folder, file));
    const tagEnd = NONCE_BYTES + TAG_BYTES;
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(file))
      .setAuthTag(bytes.subarray(NONCE_BYTES, tagEnd));
    const text = Buffer.concat([decipher.update(bytes.subarray(tagEnd)), decipher.final()]).toString("utf8");
    return JSON.parse(text) as Sealed;
  } catch {
    throw new Error(
      `A secret of the embedded vault, ${join(folder, file)}, is damaged or was written with another key; remove ${folder} to start empty.`,
    );
  }
}

function readCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
