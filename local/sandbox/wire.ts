import type { IncomingHttpHeaders } from "node:http";

/** A request as the provider would see it: the host is the real one, not 127.0.0.1. */
export interface WireRequest {
  readonly method: string;
  /** The real provider's host, taken from the path prefix. */
  readonly host: string;
  /** Path below the host, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The query as it was written, with its question mark; "" = none. */
  readonly search: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What goes back to the caller, complete: faults may replace or destroy it before a byte is sent. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;
}

/** A JSON answer that must not be cached, as every token endpoint requires (RFC 6749 section 5.1). */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", ...headers },
    body: JSON.stringify(body),
  };
}

/** A page for a person. The policy forbids scripts and outside hosts; forms may redirect anywhere, as consent must. */
export function html(status: number, body: string, headers: Answer["headers"] = {}): Answer {
  return {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      ...headers,
    },
    body,
  };
}

/** The form in the body, or null when the content type is not a form. A repeated field is null too: RFC 6749 section 3.2. */
export function readForm(request: WireRequest): URLSearchParams | null {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") return null;
  const form = new URLSearchParams(request.body.toString("utf8"));
  const names = [...form.keys()];
  return new Set(names).size === names.length ? form : null;
}

/** The bearer token of the request, or null when there is none. */
export function readBearer(request: WireRequest): string | null {
  return /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? null;
}

/** Text made safe inside an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
