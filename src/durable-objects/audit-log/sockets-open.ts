import type { EventFrame } from "../../domain/alert-frames.ts";
import type { Subscriber } from "../../domain/alert-subscriber.ts";
import type { AuditAction } from "../../domain/audit-event.ts";
import type { AlertSocket } from "../../services/alerts/alert-socket.ts";
import { type Sent, takeUntilFull } from "./sockets-room.ts";

/** What a socket is, kept by the runtime beside it while the object sleeps. Written whole, in the step that changes it. */
export interface SocketState extends Sent {
  readonly subscriber: Subscriber;
  readonly provenAtMs: number;
  readonly cursor: number;
  /** The filter; none = every action. */
  readonly actions: readonly AuditAction[];
  /** When its last frames came, in ms since 1970. */
  readonly frameTimes: readonly number[];
}

/** An open socket, as those who hear its client see it. */
export interface OpenSocket extends AlertSocket {
  state(): SocketState;
  change(changed: Partial<SocketState>): void;
  /** Sends what is no event. */
  say(text: string): void;
}

/** Who is told what becomes of a socket. */
export interface SocketOwner {
  /** It is closed. Told once, before anything else can happen to it. */
  forget(ws: WebSocket): void;
  /** So much more is owed to it; less when negative. */
  owe(ws: WebSocket, bytes: number): void;
  /** It has to be seen to at another time than before. */
  reschedule(): void;
}

/** An open socket. @param begin Written down by whoever accepted it. */
export function createOpenSocket(ws: WebSocket, begin: SocketState, owner: SocketOwner): OpenSocket {
  let state = begin;
  const change = (changed: Partial<SocketState>) => {
    const owed = (changed.owedBytes ?? state.owedBytes) - state.owedBytes;
    state = { ...state, ...changed };
    ws.serializeAttachment(state);
    if (owed !== 0) owner.owe(ws, owed);
  };
  return {
    state: () => state,
    subscriber: () => state.subscriber,
    provenAtMs: () => state.provenAtMs,
    cursor: () => state.cursor,
    change,
    confirm: (expiresAt, provenAtMs) => {
      const isEarlier = expiresAt !== state.subscriber.expiresAt;
      change({ subscriber: { ...state.subscriber, expiresAt }, provenAtMs });
      if (isEarlier) owner.reschedule();
    },
    say: (text) => void send(ws, [text], owner),
    deliver: (frames, cursor) => {
      const wanted = frames.filter((frame) => wants(state, frame));
      const { sent, bytes } = takeUntilFull(wanted, state);
      const isSent = send(
        ws,
        sent.map(({ text }) => text),
        owner,
      );
      if (!isSent) return;
      // Cut short, it is about to be closed, and names the last event that it has.
      const through = sent.length < wanted.length ? (sent.at(-1)?.seq ?? state.cursor) : cursor;
      change({ cursor: through, owedBytes: state.owedBytes + bytes, sentBytes: state.sentBytes + bytes });
    },
    close: (code, reason) => {
      owner.forget(ws);
      try {
        ws.close(code, reason);
      } catch {
        // It closed by itself meanwhile: there is nobody to tell.
      }
    },
  };
}

function wants({ actions }: SocketState, { action }: EventFrame): boolean {
  return actions.length === 0 || actions.some((wanted) => wanted === action);
}

/** False when the other side is gone, which its close event says as well. */
function send(ws: WebSocket, texts: readonly string[], owner: SocketOwner): boolean {
  try {
    for (const text of texts) ws.send(text);
    return true;
  } catch {
    owner.forget(ws);
    return false;
  }
}
