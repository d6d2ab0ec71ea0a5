import { randomBytes, randomUUID } from "node:crypto";
import type { JsonObject } from "../../src/domain/json.ts";
import { type EncryptedStore, openEncryptedStore } from "./encrypted-store.ts";
import { DEFAULT_MOUNT_CONFIG, type MountConfig, type SecretRecord } from "./secret-record.ts";
import { createTokens, type Tokens } from "./tokens.ts";

/** Everything the server knows. Names in the store: `identity`, `mount/{name}`, `secret/{mount}/{path}`. */
export interface VaultState {
  readonly rootToken: string;
  readonly roleId: string;
  readonly secretId: string;
  /** Unseals the server; 64 hex digits. */
  readonly unsealKey: string;
  readonly tokens: Tokens;
  readonly secrets: SecretRecords;
  /** Not kept on disk: a developer's server starts unsealed. */
  sealed: boolean;
}

/** The secrets by mount and path, and the mounts' settings. */
export interface SecretRecords {
  mounts(): readonly string[];
  readMount(mount: string): MountConfig | null;
  writeMount(mount: string, config: MountConfig): void;
  /** With every secret in it. */
  removeMount(mount: string): void;
  read(mount: string, path: string): SecretRecord | null;
  /** Null removes it. */
  write(mount: string, path: string, record: SecretRecord | null): void;
  paths(mount: string): readonly string[];
}

interface StateOptions {
  readonly dataDir: string | null;
  readonly rootToken?: string | undefined;
  readonly mounts: readonly string[];
}

/** Opens what an earlier run left in the folder, or starts anew. @throws Error in one sentence; see the store. */
export function openVaultState(options: StateOptions): VaultState {
  const store = openEncryptedStore(options.dataDir);
  const secrets = createSecretRecords(store);
  for (const mount of options.mounts) if (!secrets.readMount(mount)) secrets.writeMount(mount, DEFAULT_MOUNT_CONFIG);
  const identity = openIdentity(store, options.rootToken);
  const tokens = createTokens(identity, Date.now);
  return { ...identity, unsealKey: store.key, tokens, secrets, sealed: false };
}

function openIdentity(store: EncryptedStore, rootToken: string | undefined) {
  const kept = store.get("identity");
  const identity = {
    rootToken: rootToken ?? textOr(kept, "rootToken", () => `hvs.${randomBytes(24).toString("base64url")}`),
    roleId: textOr(kept, "roleId", randomUUID),
    secretId: textOr(kept, "secretId", randomUUID),
  };
  if (kept?.["rootToken"] !== identity.rootToken) store.put("identity", identity);
  return identity;
}

function createSecretRecords(store: EncryptedStore): SecretRecords {
  const namesUnder = (prefix: string) => {
    return [...store.names()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  };
  const paths = (mount: string) => namesUnder(`secret/${mount}/`);
  return {
    mounts: () => namesUnder("mount/"),
    readMount: (mount) => store.get(`mount/${mount}`) as MountConfig | null,
    writeMount: (mount, config) => store.put(`mount/${mount}`, { ...config }),
    removeMount: (mount) => {
      store.remove(`mount/${mount}`);
      for (const path of paths(mount)) store.remove(`secret/${mount}/${path}`);
    },
    read: (mount, path) => store.get(`secret/${mount}/${path}`) as SecretRecord | null,
    write: (mount, path, record) => {
      if (record === null) store.remove(`secret/${mount}/${path}`);
      else store.put(`secret/${mount}/${path}`, { ...record });
    },
    paths,
  };
}

function textOr(object: JsonObject | null, name: string, create: () => string): string {
  const value = object?.[name];
  return typeof value === "string" ? value : create();
}
