import type { EventFrame } from "../../../src/domain/alert-frames.ts";
import type { Subscriber } from "../../../src/domain/alert-subscriber.ts";
import { readId } from "../../../src/domain/ids.ts";
import type { AlertSocket } from "../../../src/services/alerts/alert-socket.ts";

/** A socket that notes what reaches it. */
export interface FakeSocket extends AlertSocket {
  readonly seqs: number[];
  /** Null while it is open. */
  closedWith(): { readonly code: number; readonly reason: string } | null;
}

/** Open sockets, which leave the list when they are closed. */
export interface FakeSockets {
  sockets(): readonly FakeSocket[];
  open(options?: {
    readonly cursor?: number;
    readonly subscriber?: Subscriber;
    readonly provenAtMs?: number;
  }): FakeSocket;
}

export const SUBSCRIBER: Subscriber = subscriberFor("1", null);

/** A session's subscriber when `user` is given, else a key's. One digit each. */
export function subscriberFor(digit: string, user: string | null, kind: "ses" | "key" = "ses"): Subscriber {
  const id = <Kind extends "usr" | "wsp" | "key" | "ses">(of: Kind, one: string) => {
    const found = readId(of, `${of}_${one.repeat(32)}`);
    if (found === null) throw new Error("not a digit");
    return found;
  };
  return {
    workspaceId: id("wsp", "a"),
    credentialId: id(kind, digit),
    userId: user === null ? null : id("usr", user),
    expiresAt: null,
  };
}

export function createFakeSockets(): FakeSockets {
  const opened = new Set<FakeSocket>();
  return {
    sockets: () => [...opened],
    open: ({ cursor = 0, subscriber = SUBSCRIBER, provenAtMs = 0 } = {}) => {
      const socket = createFakeSocket(cursor, subscriber, provenAtMs, () => opened.delete(socket));
      opened.add(socket);
      return socket;
    },
  };
}

function createFakeSocket(begin: number, who: Subscriber, provenAtBegin: number, onClose: () => void): FakeSocket {
  const seqs: number[] = [];
  let cursor = begin;
  let subscriber = who;
  let provenAtMs = provenAtBegin;
  let closed: { code: number; reason: string } | null = null;
  return {
    seqs,
    subscriber: () => subscriber,
    provenAtMs: () => provenAtMs,
    confirm: (expiresAt, atMs) => {
      subscriber = { ...subscriber, expiresAt };
      provenAtMs = atMs;
    },
    cursor: () => cursor,
    deliver: (frames: readonly EventFrame[], through) => {
      if (closed !== null) return;
      seqs.push(...frames.map(({ seq }) => seq));
      cursor = through;
    },
    close: (code, reason) => {
      closed ??= { code, reason };
      onClose();
    },
    closedWith: () => closed,
  };
}
