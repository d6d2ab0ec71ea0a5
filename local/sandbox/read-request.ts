import type { IncomingMessage } from "node:http";
import type { WireRequest } from "./wire.ts";

/** No provider here takes a larger body. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Reads a request to its end: `/oauth2.googleapis.com/token?x=1` becomes host, path and query.
 * The path is cut, never resolved, so that what was signed is what is verified.
 *
 * @returns null when the body is too large.
 */
export async function readRequest(incoming: IncomingMessage): Promise<WireRequest | null> {
  const [, host, path, search = ""] = /^\/([^/?]*)([^?]*)(\?.*)?$/.exec(incoming.url ?? "") ?? [];
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return {
    method: incoming.method ?? "",
    host: host ?? "",
    path: path || "/",
    query: new URLSearchParams(search),
    search,
    headers: incoming.headers,
    body: Buffer.concat(chunks),
  };
}
