import { AppError } from "../domain/errors.ts";
import { requireValue } from "../domain/outcome.ts";
import type { HandshakeRpc, Handshakes } from "../domain/ports/handshakes.ts";

/** @param find The object of a handshake id. */
export function createHandshakes(find: (handshakeId: string) => HandshakeRpc): Handshakes {
  return {
    start: async (handshake, ticketHash) => requireValue(await find(handshake.id).start(handshake, ticketHash)),
    open: async (id, ticketHash, browserHash) => requireValue(await find(id).open(ticketHash, browserHash)),
    peek: async (id, ticketHash) => requireValue(await find(id).open(ticketHash, null)),
    take: async (id, evidence) => requireValue(await find(id).take(evidence)),
    findStarter: async (id) => requireValue(await find(id).findStarter()),
    hold: async (id, codeHash, acquired) => requireValue(await find(id).hold(codeHash, acquired)),
    discard: async (handshake, acquired) => requireValue(await find(handshake.id).discard(handshake, acquired)),
    claim: async (id, codeHash, starter) => {
      const claim = requireValue(await find(id).claim(codeHash, starter));
      if (claim === null) throw new AppError("not_found", "There is nothing to complete by that code.");
      return claim;
    },
  };
}
