import { createHandshakes } from "../../src/adapters/handshakes.ts";
import type { HandshakeId } from "../../src/domain/ids.ts";
import { toOutcome } from "../../src/domain/outcome.ts";
import type { HandshakeRpc, Handshakes } from "../../src/domain/ports/handshakes.ts";
import type { Desk, HandshakeRecord } from "../../src/services/consent/desk.ts";
import {
  claimGrant,
  findStarter,
  holdGrant,
  openHandshake,
  startHandshake,
  takeHandshake,
  wakeDesk,
} from "../../src/services/consent/handshake-desk.ts";
import { discardGrant } from "../../src/services/consent/unwanted-grant.ts";

export interface FakeHandshakes extends Handshakes {
  /** The alarm of that handshake. */
  expire(id: HandshakeId): Promise<void>;
  /** What its storage holds, as text; null once it is gone. */
  storageOf(id: HandshakeId): string | null;
}

/** The real desks in memory, one per consent, as their objects run them. */
export function createFakeHandshakes(deps: Desk["deps"]): FakeHandshakes {
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
    discard: (handshake, acquired) => toOutcome(() => discardGrant(deskOf(id), handshake, acquired)),
    claim: (codeHash, starter) => toOutcome(() => claimGrant(deskOf(id), codeHash, starter)),
  });
  return {
    ...createHandshakes(find),
    expire: (id) => wakeDesk(deskOf(id)),
    storageOf: (id) => records.get(id) ?? null,
  };
}
