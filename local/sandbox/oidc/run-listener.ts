import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Answer, WireRequest } from "../wire.ts";

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/**
 * Runs a Node request listener on a request that was read already, and hands back its answer instead of sending it:
 * a fault can then destroy the connection after the work is done.
 *
 * `originalUrl` keeps the host prefix and `url` drops it, which is how oidc-provider learns where it is mounted.
 */
export function runListener(listener: Listener, request: WireRequest): Promise<Answer> {
  const { incoming, response } = createExchange(request);
  return new Promise((resolve, reject) => {
    response.end = ((chunk?: string | Buffer) => {
      resolve(readAnswer(response, chunk ?? ""));
      return response;
    }) as ServerResponse["end"];
    Promise.resolve(listener(incoming, response)).catch(reject);
  });
}

/** The request and response objects of an exchange that has no connection of its own. */
export function createExchange(request: WireRequest): { incoming: IncomingMessage; response: ServerResponse } {
  const incoming = new IncomingMessage(new Socket());
  const query = request.query.size > 0 ? `?${request.query}` : "";
  incoming.method = request.method;
  incoming.url = `${request.path}${query}`;
  Object.assign(incoming, { originalUrl: `/${request.host}${request.path}${query}` });
  incoming.headers = { ...request.headers, "content-length": String(request.body.length) };
  incoming.push(request.body);
  incoming.push(null);
  return { incoming, response: new ServerResponse(incoming) };
}

function readAnswer(response: ServerResponse, body: string | Buffer): Answer {
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(response.getHeaders())) {
    // The length is set again when the answer is sent: it may be changed on the way.
    if (value !== undefined && name !== "content-length") headers[name] = Array.isArray(value) ? value : String(value);
  }
  return { status: response.statusCode, headers, body };
}
