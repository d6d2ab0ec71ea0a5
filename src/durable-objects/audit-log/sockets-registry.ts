import { CLOSE_CODE } from "../../domain/alert-frames.ts";
import { createOpenSocket, type OpenSocket, type SocketOwner, type SocketState } from "./sockets-open.ts";

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

/**
 * What may be owed to one socket, and to all of them. What a client does not read stays in the runtime's memory, without a
 * bound, and nothing tells how much that is; so all that was sent since a client last said anything counts as unread.
 * About ten thousand events for one; for all, the memory an object has.
 */
const MAX_OWED_BYTES = 4 * 1024 * 1024;
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
      if (socket && socket.state().owedBytes > MAX_OWED_BYTES) closeTooSlow(socket);
      while (owedTogether > MAX_OWED_BYTES_TOGETHER) closeTooSlow(findMostOwed(known.values()));
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

function findMostOwed(sockets: Iterable<OpenSocket>): OpenSocket {
  return [...sockets].reduce((most, socket) => (socket.state().owedBytes > most.state().owedBytes ? socket : most));
}

function closeTooSlow(socket: OpenSocket): void {
  const { cursor } = socket.state();
  socket.close(CLOSE_CODE.tryAgain, `too slow: send a ping now and then, and come back with after=${cursor}`);
}
