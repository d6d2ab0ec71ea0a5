import type { Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";

/** What Node adds to a parse error: the bytes it could not read. */
interface ParseError extends Error {
  readonly rawPacket?: Buffer;
}

/**
 * Makes a server answer Vault's own method `LIST`, which Node's parser does not know.
 *
 * The request is sent to the server once more as the equal `GET …?list=true`, and the connection closed after its answer:
 * the parser that failed on it cannot go on.
 */
export function acceptListMethod(server: Server): void {
  server.on("clientError", (error: ParseError, socket: Duplex) => {
    const request = rewrite(error.rawPacket?.toString("latin1") ?? "");
    if (request === null) {
      if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
      return;
    }
    const again = connect((server.address() as AddressInfo).port, "127.0.0.1");
    // Either end may leave; the other then has nobody to talk to.
    again.on("error", () => socket.destroy());
    socket.on("error", () => again.destroy());
    again.pipe(socket);
    again.write(request, "latin1");
  });
}

/** Null when it is not a whole LIST request. */
function rewrite(packet: string): string | null {
  const [, path] = /^LIST (\S+) HTTP\/1\.1\r\n/.exec(packet) ?? [];
  if (path === undefined || !packet.includes("\r\n\r\n")) return null;
  const headers = packet.slice(packet.indexOf("\r\n") + 2).replace(/^connection:.*\r\n/gim, "");
  return `GET ${path}${path.includes("?") ? "&" : "?"}list=true HTTP/1.1\r\nconnection: close\r\n${headers}`;
}
