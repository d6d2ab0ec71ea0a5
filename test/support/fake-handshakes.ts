import { createHandshakes } from "../../src/adapters/handshakes.ts";
import type { HandshakeId } from "../../src/domain/ids.ts";
import { toOutcome } from "../../src/domain/outcome.ts";
import type { HandshakeRpc, Handshakes } from "../../src/domain/ports/handshakes.ts";
import {
  claimGrant,
  type Desk,
  expireHandshake,
  findStarter,
  type HandshakeRecord,
  holdGrant,
  openHandshake,
  startHandshake,
  takeHandshake,
} from "../../src/services/consent/handshake-desk.ts";
import { revokeGrant } from "../../src/services/consent/revoke-grant.ts";

export interface FakeHandshakes extends Handshakes {
  /** The alarm of that handshake. */
  expire(id: HandshakeId): Promise<void>;
  /** What its storage holds, as text; null once it is gone. */
  storageOf(id: HandshakeId): string | null;
}

type DeskDeps = Desk["deps"] & Parameters<typeof revokeGrant>[0];

/** The real desks in memory, one per consent, as their objects run them. */
export function createFakeHandshakes(deps: DeskDeps): FakeHandshakes {
  const records = new Map<string, string>();
  const deskOf = (id: string): Desk => ({
    deps,
    state: {
      read: () => {
        const text = records.get(id);
        return text === undefined ? null : (JSON.parse(text) as HandshakeRecord);
      },
      write: (record) => void records.set(id, JSON.stringify(record)),
      clear: () => void records.delete(id),
      wakeAt: () => undefined,
    },
  });
  const find = (id: string): HandshakeRpc => ({
    start: (handshake, ticketHash) => toOutcome(() => startHandshake(deskOf(id), handshake, ticketHash)),
    open: (ticketHash, browserHash) => toOutcome(() => openHandshake(deskOf(id), ticketHash, browserHash)),
    take: (evidence) => toOutcome(() => takeHandshake(deskOf(id), evidence)),
    findStarter: () => toOutcome(() => findStarter(deskOf(id))),
    hold: (codeHash, acquired) => toOutcome(() => holdGrant(deskOf(id), codeHash, acquired)),
    claim: (codeHash, starter) =>
      toOutcome(async () => {
        const claim = await claimGrant(deskOf(id), codeHash, starter);
        if (claim !== null && !claim.isOwner) await revokeGrant(deps, claim.handshake, claim.acquired);
        return claim?.isOwner === true ? claim : null;
      }),
  });
  return {
    ...createHandshakes(find),
    async expire(id) {
      const unclaimed = await expireHandshake(deskOf(id));
      if (unclaimed !== null) await revokeGrant(deps, unclaimed.handshake, unclaimed.acquired);
    },
    storageOf: (id) => records.get(id) ?? null,
  };
}
