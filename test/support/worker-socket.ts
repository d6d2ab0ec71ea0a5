import { vi } from "vitest";
import { newAddress, ORIGIN, worker } from "./worker-client.ts";

/** A frame of the server. */
export interface Frame {
  readonly type: string;
  readonly seq?: number;
  readonly action?: string;
  readonly [name: string]: unknown;
}

/** The client's end of an open socket. */
export interface ClientSocket {
  readonly frames: readonly Frame[];
  /** The numbers of the events received so far. */
  seqs(): readonly number[];
  send(frame: unknown): void;
  sendRaw(frame: string | ArrayBuffer): void;
  close(code?: number, reason?: string): void;
  /** Resolves when it was closed. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

/** The answer to an upgrade. */
export async function upgrade(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  const all = { upgrade: "websocket", "cf-connecting-ip": newAddress(), ...headers };
  return await worker.fetch(new Request(new URL(path, ORIGIN), { headers: all }));
}

/** Opens a socket; fails when it is refused. */
export async function openSocket(query: string, headers: Readonly<Record<string, string>>): Promise<ClientSocket> {
  const answer = await upgrade(`/api/v1/ws/alerts${query}`, headers);
  if (answer.webSocket === null) throw new Error(`refused: ${answer.status} ${await answer.text()}`);
  return listen(answer.webSocket);
}

function listen(ws: WebSocket): ClientSocket {
  const frames: Frame[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
  ws.addEventListener("message", ({ data }) => void frames.push(JSON.parse(String(data)) as Frame));
  ws.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
  ws.accept();
  return {
    frames,
    seqs: () => frames.flatMap(({ type, seq }) => (type === "event" && seq !== undefined ? [seq] : [])),
    send: (frame) => ws.send(JSON.stringify(frame)),
    sendRaw: (frame) => ws.send(frame),
    close: (code, reason) => ws.close(code, reason),
    closed,
  };
}

/** Resolves when the socket has had events up to `seq`. */
export async function waitForSeq(socket: ClientSocket, seq: number): Promise<void> {
  await vi.waitFor(
    () => {
      if ((socket.seqs().at(-1) ?? 0) < seq) throw new Error(`has ${socket.seqs().at(-1)} of ${seq}`);
    },
    { timeout: 10_000, interval: 10 },
  );
}
