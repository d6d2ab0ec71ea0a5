import { AppError } from "../domain/errors.ts";
import { type Outcome, requireValue } from "../domain/outcome.ts";
import { type Alerts, type AlertsObject, OPENING_HEADER } from "../domain/ports/alerts.ts";
import { relaySocket } from "./alerts/relay-socket.ts";

/** Objects answer to any host; this one is nobody's. */
const ADDRESS = "https://audit-log/alerts";

/**
 * @param find    The `AuditLog` object of a chain.
 * @param abandon Ends the event in which a socket was opened, whatever its client still does.
 */
export function createAlerts(find: (chain: string) => AlertsObject, abandon: () => void): Alerts {
  return {
    open: async (opening) => {
      // Nothing of the client's own request goes along: only what was proven of it.
      const headers = { upgrade: "websocket", [OPENING_HEADER]: JSON.stringify(opening) };
      const answer = await find(opening.chain).fetch(new Request(ADDRESS, { headers }));
      if (answer.webSocket !== null) return relaySocket(answer.webSocket, abandon);
      requireValue(await answer.json<Outcome<never>>());
      throw new AppError("internal", "The audit log opened no socket.");
    },
    keepTicket: async (workspaceId, ticket) => requireValue(await find(workspaceId).keepTicket(ticket)),
    takeTicket: (workspaceId, hash) => find(workspaceId).takeTicket(hash),
    doubt: async (chain, ids) => {
      try {
        await find(chain).doubt(ids);
      } catch {
        // Lost is time: the sockets there are proven again by the minute.
      }
    },
  };
}
