import { CLOSE_CODE } from "../../domain/alert-frames.ts";
import { createOpenSocket, type OpenSocket, type SocketOwner, type SocketState } from "./sockets-open.ts";
import { tooSlow, whyFull } from "./sockets-room.ts";

/** The open sockets of one object. */
export interface SocketRegistry {
  sockets(): Iterable<OpenSocket>;
  size(): number;
  /** Null for one that was closed. */
  find(ws: WebSocket): OpenSocket | null;
  add(ws: WebSocket, state: SocketState): void;
  /** The other side is gone. */
  remove(ws: WebSocket): void;
}

/** What may be owed to all of them: what an isolate has. */
const MAX_OWED_BYTES_TOGETHER = 128 * 1024 * 1024;

/** @param reschedule Told when a socket has to be seen to at another time than before. */
export function createSocketRegistry(ctx: DurableObjectState, reschedule: () => void): SocketRegistry {
  const known = new Map<WebSocket, OpenSocket>();
  let owedTogether = 0;
  const owner: SocketOwner = {
    reschedule,
    forget: (ws) => {
      owedTogether -= known.get(ws)?.state().owedBytes ?? 0;
      known.delete(ws);
    },
    owe: (ws, bytes) => {
      owedTogether += bytes;
      const socket = known.get(ws);
      const reason = socket ? whyFull(socket.state()) : null;
      if (reason !== null) socket?.close(CLOSE_CODE.tryAgain, reason);
      while (owedTogether > MAX_OWED_BYTES_TOGETHER) closeMostOwed(known.values());
    },
  };
  const add = (ws: WebSocket, state: SocketState) => {
    owedTogether += state.owedBytes;
    known.set(ws, createOpenSocket(ws, state, owner));
  };

  for (const ws of ctx.getWebSockets()) {
    if (ws.readyState === WebSocket.OPEN) add(ws, ws.deserializeAttachment() as SocketState);
  }
  return {
    sockets: () => known.values(),
    size: () => known.size,
    find: (ws) => known.get(ws) ?? null,
    add: (ws, state) => {
      ws.serializeAttachment(state);
      add(ws, state);
    },
    remove: owner.forget,
  };
}

function closeMostOwed(sockets: Iterable<OpenSocket>): void {
  const owed = (socket: OpenSocket) => socket.state().owedBytes;
  const slowest = [...sockets].reduce((most, socket) => (owed(socket) > owed(most) ? socket : most));
  slowest.close(CLOSE_CODE.tryAgain, tooSlow(slowest.cursor()));
}
