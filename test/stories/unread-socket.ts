import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A client that talks, and reads nothing of what it is told. */
export interface UnreadSocket {
  ping(): void;
  /** True once its connection is gone: it is told when it writes, at the latest. */
  isGone(): boolean;
  /** Everything that was under way to it, however it ends. */
  readAll(): Promise<Buffer>;
}

/** RFC 6455 by hand, since every client there is reads whatever comes. @param url `ws://…` */
export async function openUnread(url: string, headers: Readonly<Record<string, string>>): Promise<UnreadSocket> {
  const { hostname, port, host, pathname, search } = new URL(url);
  const socket = connect(Number(port), hostname);
  let isGone = false;
  socket.on("error", () => undefined);
  socket.on("close", () => {
    isGone = true;
  });
  await once(socket, "connect");
  socket.pause();
  const lines = { host, upgrade: "websocket", connection: "Upgrade", "sec-websocket-version": "13", ...headers };
  const key = randomBytes(16).toString("base64");
  const head = Object.entries({ ...lines, "sec-websocket-key": key }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\n${head.join("")}\r\n`);
  return {
    ping: () => void socket.write(maskedText(JSON.stringify({ type: "ping" }))),
    isGone: () => isGone,
    readAll: () => readToEnd(socket),
  };
}

/** A short text frame of a client, masked with zeros. @see https://www.rfc-editor.org/rfc/rfc6455#section-5.2 */
function maskedText(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

async function readToEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(chunks);
}
