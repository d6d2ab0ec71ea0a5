import type { Now } from "../../domain/ports/clock.ts";
import type { IdentityMemory, ProofOf, ProofStamp } from "../../domain/ports/identity.ts";
import type { Principal } from "../../domain/principal.ts";
import type { EpochSeconds } from "../../domain/time.ts";

/** A principal takes about a kilobyte; an isolate has 128 MB for everything. */
const MAX_IDENTITIES = 5000;

interface Remembered {
  readonly principal: Principal;
  readonly stamp: ProofStamp;
  readonly endsAt: EpochSeconds | null;
}

/**
 * Who was proven in this isolate less than `ttlSeconds` ago, so that a burst of calls asks the database once.
 * Keep one per isolate.
 *
 * @param ttlSeconds 0 remembers nothing.
 */
export function createHotIdentities(ttlSeconds: number, now: Now): IdentityMemory {
  // A Map keeps the order of insertion, so its first entry is the oldest.
  const remembered = new Map<string, Remembered>();
  let changes = 0;

  return {
    recall: (key) => {
      const found = remembered.get(key);
      if (found === undefined) return null;
      // Counted from when the database was asked; a clock that went back ends it too.
      const age = now() - found.stamp.askedAt;
      const hasEnded = found.endsAt !== null && found.endsAt <= now();
      if (age >= 0 && age < ttlSeconds && !hasEnded) return found.principal;
      remembered.delete(key);
      return null;
    },
    begin: () => ({ askedAt: now(), changesSeen: changes }),
    remember: (key, principal, stamp, endsAt) => {
      if (ttlSeconds === 0 || stamp.changesSeen !== changes) return;
      remembered.delete(key);
      for (const oldest of remembered.keys()) {
        if (remembered.size < MAX_IDENTITIES) break;
        remembered.delete(oldest);
      }
      remembered.set(key, { principal, stamp, endsAt });
    },
    forget: (whose) => {
      changes += 1;
      for (const [key, { principal }] of remembered) if (isOf(principal, whose)) remembered.delete(key);
    },
  };
}

function isOf({ id, credential }: Principal, whose: ProofOf): boolean {
  if ("userId" in whose) return id === whose.userId;
  if ("sessionId" in whose) return credential.kind === "session" && credential.sessionId === whose.sessionId;
  if ("keyId" in whose) return credential.kind === "api_key" && credential.keyId === whose.keyId;
  return credential.kind === "kubectl_token" && credential.tokenId === whose.kubectlTokenId;
}
