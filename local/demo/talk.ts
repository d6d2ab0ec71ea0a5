import { formatShortened } from "./shorten.ts";

/** An answer with its JSON body, or null when it has none. */
export interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Speaks to one server and prints what is said. */
export interface Talk {
  call(method: string, path: string, body?: unknown): Promise<Reply>;
  /** As `call`, without a word. */
  quietly(method: string, path: string, body?: unknown): Promise<Reply>;
  /** Sent with every call from now on. */
  readonly headers: Record<string, string>;
}

const REQUEST_TIMEOUT_MS = 60_000;

export function createTalk(name: string, address: string, print: (line: string) => void): Talk {
  const headers: Record<string, string> = {};
  const quietly = async (method: string, path: string, body?: unknown): Promise<Reply> => {
    const response = await fetch(`${address}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    return { status: response.status, body: parseObject(await response.text()) };
  };
  return {
    headers,
    quietly,
    async call(method, path, body) {
      print(`${name} ${method} ${path}${body === undefined ? "" : `  ${formatShortened(body)}`}`);
      const reply = await quietly(method, path, body);
      print(`→ ${reply.status} ${Object.keys(reply.body).length === 0 ? "" : formatShortened(reply.body)}`);
      return reply;
    },
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // No body, or not JSON: the status says what there is to say.
    return {};
  }
}
