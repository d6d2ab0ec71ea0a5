import type { ConnectionBinding } from "../../domain/connection.ts";
import { parseJsonObject } from "../../domain/json.ts";
import type { Now } from "../../domain/ports/clock.ts";
import type { CredentialCache } from "../../domain/ports/credential-cache.ts";
import type { Sealer } from "../../domain/ports/sealer.ts";
import { type Credential, readCredential } from "../../domain/token-data.ts";
import { credentialKey, credentialPrefix, HEALTH_KEY } from "./keys.ts";

/** Workers KV refuses a shorter life; a copy that would be usable for less is not worth having. */
const MIN_TTL_SECONDS = 60;

interface CacheOptions {
  readonly kv: KVNamespace;
  readonly sealer: Sealer;
  readonly now: Now;
  readonly ttlSeconds: number;
}

/** Sealed copies in Workers KV. A copy opens only for its workspace, owner, connection and version. */
export function createCredentialCache({ kv, sealer, now, ttlSeconds }: CacheOptions): CredentialCache {
  return {
    async read(binding, version) {
      const sealed = await quietly(kv.get(credentialKey(binding.id, version)));
      if (sealed === null) return null;
      const plain = await sealer.open("cache", contextOf(binding, version), sealed);
      const credential = plain === null ? null : readCredential(parseJsonObject(plain));
      return credential ?? "rejected";
    },

    async write(binding, credential) {
      const ttl = ttlOf(credential, now(), ttlSeconds);
      if (ttl < MIN_TTL_SECONDS) return;
      const sealed = await sealer.seal("cache", contextOf(binding, credential.version), JSON.stringify(credential));
      await quietly(kv.put(credentialKey(binding.id, credential.version), sealed, { expirationTtl: ttl }));
    },

    async purge(binding, version) {
      await quietly(kv.delete(credentialKey(binding.id, version)));
    },

    async purgeAll(id) {
      const found = await quietly(kv.list({ prefix: credentialPrefix(id) }));
      const deleted = await Promise.allSettled((found?.keys ?? []).map(({ name }) => kv.delete(name)));
      return found?.list_complete === true && deleted.every(({ status }) => status === "fulfilled");
    },

    async check() {
      await kv.get(HEALTH_KEY);
    },
  };
}

function contextOf(binding: ConnectionBinding, version: number): string {
  return [binding.workspaceId, binding.ownerId, binding.id, version].join("|");
}

function ttlOf(credential: Credential, now: number, ttlSeconds: number): number {
  return credential.expiresAt === null ? ttlSeconds : Math.min(ttlSeconds, credential.expiresAt - now);
}

/** KV being away costs time, never an answer: what is lost is the copy. */
async function quietly<Value>(work: Promise<Value>): Promise<Value | null> {
  try {
    return await work;
  } catch {
    return null;
  }
}
