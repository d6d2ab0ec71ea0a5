import type { ConnectionBinding } from "../../src/domain/connection.ts";
import type { CredentialCache } from "../../src/domain/ports/credential-cache.ts";
import type { EpochSeconds } from "../../src/domain/time.ts";
import type { Credential } from "../../src/domain/token-data.ts";

export interface FakeCredentialCache extends CredentialCache {
  /** The copies, by `{connection}:{version}`. */
  readonly copies: Map<string, Credential>;
  /** Puts something there that does not open. */
  plant(connectionId: string, version: number): void;
  /** From now on nothing can be purged, or again. */
  setDown(isDown: boolean): void;
}

interface Copy {
  readonly credential: Credential;
  readonly context: string;
}

export function createFakeCredentialCache(now: () => EpochSeconds): FakeCredentialCache {
  const kept = new Map<string, Copy | "planted">();
  const copies = new Map<string, Credential>();
  let down = false;
  const keyOf = (id: string, version: number) => `${id}:${version}`;
  const contextOf = ({ workspaceId, ownerId, id }: ConnectionBinding) => [workspaceId, ownerId, id].join("|");

  return {
    copies,
    plant: (id, version) => void kept.set(keyOf(id, version), "planted"),
    async read(binding, version) {
      const copy = kept.get(keyOf(binding.id, version));
      if (copy === undefined) return null;
      if (copy === "planted" || copy.context !== contextOf(binding)) return "rejected";
      const { expiresAt } = copy.credential;
      return expiresAt !== null && expiresAt <= now() ? null : copy.credential;
    },
    async write(binding, credential) {
      if (credential.expiresAt !== null && credential.expiresAt - now() < 60) return;
      kept.set(keyOf(binding.id, credential.version), { credential, context: contextOf(binding) });
      copies.set(keyOf(binding.id, credential.version), credential);
    },
    async purge(binding, version) {
      kept.delete(keyOf(binding.id, version));
      copies.delete(keyOf(binding.id, version));
    },
    async purgeAll(id) {
      if (down) return false;
      for (const key of [...kept.keys()].filter((known) => known.startsWith(`${id}:`))) {
        kept.delete(key);
        copies.delete(key);
      }
      return true;
    },
    setDown: (isDown) => {
      down = isDown;
    },
    check: async () => undefined,
  };
}
