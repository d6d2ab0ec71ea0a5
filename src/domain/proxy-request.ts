import { AppError } from "./errors.ts";

/** What a caller asks to be sent on: the path and the query as they were written, not as somebody read them. */
export interface ProxyTarget {
  /** Begins with a slash. */
  readonly path: string;
  /** "" or begins with `?`. */
  readonly query: string;
}

const PROXY_PREFIX = "/api/v1/proxy/";

/**
 * What follows the connection in the URL of a proxied call.
 *
 * @param url As the request has it: anything that parses and writes it again may have changed it.
 * @throws `invalid_request` for a dot segment in any spelling; `not_found` when the path is not the proxy's own spelling.
 */
export function parseProxyTarget(url: string, connectionId: string): ProxyTarget {
  const [, rawPath = "", query = ""] = /^[a-z]+:\/\/[^/?#]*([^?#]*)(\?[^#]*)?/i.exec(url) ?? [];
  const prefix = `${PROXY_PREFIX}${connectionId}/`;
  if (!rawPath.startsWith(prefix)) throw new AppError("not_found", "There is nothing here by that id.");
  const path = rawPath.slice(prefix.length - 1);
  if (hasDotSegment(path)) throw new AppError("invalid_request", "The path must not hold dot segments.");
  // Parsers disagree on whether it separates.
  if (path.includes("\\")) throw new AppError("invalid_request", "The path must not hold a backslash.");
  return { path, query };
}

/** Deeper than anyone encodes by accident; what is still not plain then is refused. */
const MAX_DECODINGS = 8;

/**
 * True when any reader could take a segment of `path` for `.` or `..`: percent-encoded once or several times, with an
 * encoded slash or a backslash beside it, overlong in UTF-8, in a compatibility form, or with parameters behind it.
 */
export function hasDotSegment(path: string): boolean {
  let text = path;
  for (let times = 0; times <= MAX_DECODINGS; times += 1) {
    if (text.normalize("NFKC").split(/[/\\]/).some(isDots)) return true;
    const decoded = decodeOnce(text);
    if (decoded === text) return false;
    text = decoded;
  }
  return true;
}

/** What stands behind a semicolon some servers cut off; spaces and control characters some parsers drop. */
function isDots(segment: string): boolean {
  const bare = (segment.split(";")[0] ?? "").replace(/[\u0000-\u0020\u007f]/g, "");
  return bare === "." || bare === "..";
}

/** Decodes what is encoded once; what is malformed stays as it is. */
function decodeOnce(text: string): string {
  return (
    text
      // Overlong UTF-8, which lax decoders take for the character: %c0%ae is a dot.
      .replace(/%c([01])%([89ab][0-9a-f])/gi, (_, lead: string, tail: string) => overlong(Number(lead), tail))
      .replace(/%e0%80%([89ab][0-9a-f])/gi, (_, tail: string) => overlong(0, tail))
      .replace(/%f0%80%80%([89ab][0-9a-f])/gi, (_, tail: string) => overlong(0, tail))
      .replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/(?:%[0-9a-f]{2})+/gi, decodeBytes)
  );
}

function overlong(lead: number, tail: string): string {
  return String.fromCharCode((lead << 6) | (Number.parseInt(tail, 16) & 0x3f));
}

function decodeBytes(run: string): string {
  const bytes = Uint8Array.from(run.slice(1).split("%"), (hex) => Number.parseInt(hex, 16));
  return new TextDecoder().decode(bytes);
}

/** Meant for one connection only (RFC 9110 section 7.6.1), and what `fetch` writes itself. */
const HOP_BY_HOP = new Set([
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"],
  ...["transfer-encoding", "upgrade", "expect"],
]);
/** Whose call it is and where it comes from: ours to know. The last five are the seed's own, and Cloudflare's. */
const NOT_SENT = new Set([
  ...["authorization", "cookie", "x-api-key", "x-user-id", "x-proxy-host", "forwarded", "host", "content-length"],
  ...["x-org-id", "x-role", "x-provider", "x-real-ip", "true-client-ip"],
]);
const NOT_SENT_PREFIXES = ["x-forwarded-", "cf-"];

/** The headers of a proxied call that are sent on: a new set, to which the credential is added. */
export function selectRequestHeaders(given: Headers): Headers {
  return select(given, (name) => NOT_SENT.has(name) || NOT_SENT_PREFIXES.some((prefix) => name.startsWith(prefix)));
}

/** What would act on our own origin, or say in our name what only we can. */
const NOT_PASSED_BACK = new Set([
  ...["set-cookie", "set-cookie2", "strict-transport-security", "clear-site-data", "service-worker-allowed"],
  ...["refresh", "link", "alt-svc", "nel", "report-to", "reporting-endpoints", "x-upstream-status", "x-request-id"],
  ...["content-security-policy", "content-security-policy-report-only", "cache-control", "cdn-cache-control"],
  ...["cloudflare-cdn-cache-control", "surrogate-control", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
]);

/** The headers of the provider's answer that the caller gets, with ours that say whose it is and what it may do. */
export function selectAnswerHeaders(given: Headers, status: number): Headers {
  const headers = select(given, (name) => NOT_PASSED_BACK.has(name) || name.startsWith("access-control-"));
  headers.set("X-Upstream-Status", String(status));
  headers.set("Content-Security-Policy", "sandbox; default-src 'none'");
  headers.set("Cache-Control", "no-store");
  return headers;
}

function select(given: Headers, isLeftOut: (name: string) => boolean): Headers {
  // `Connection` names more headers that were meant for one hop.
  const named = (given.get("connection") ?? "").split(",").map((name) => name.trim().toLowerCase());
  const kept = [...given].filter(([name]) => !HOP_BY_HOP.has(name) && !named.includes(name) && !isLeftOut(name));
  return new Headers(kept);
}

const REPEATABLE = new Set(["GET", "HEAD", "PUT", "DELETE"]);

/** True when asking twice is asking once (RFC 9110 section 9.2.2). */
export function isIdempotent(method: string): boolean {
  return REPEATABLE.has(method);
}
