import { AppError } from "./errors.ts";

/** What the deployment knows about itself. */
export interface PublicUrlOptions {
  /** Our own host names: neither they nor names below them are ever a target. */
  readonly ownHosts: readonly string[];
}

const MAX_CHARACTERS = 2048;
/** Privileged ports other than 443 belong to other protocols (mail, shells, file shares). */
const MIN_UNPRIVILEGED_PORT = 1024;

/** RFC 1123 host name of two labels or more; the last starts with a letter, so that no number can pass for a name. */
const DNS_NAME = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_NAME_CHARACTERS = 253;

/**
 * Names that never lead to the public internet, or lead to an address of the caller's choice.
 *
 * @see https://www.iana.org/assignments/special-use-domain-names
 * @see https://www.icann.org/en/board-activities-and-meetings/materials/approved-resolutions-special-meeting-of-the-icann-board-29-07-2024-en (.internal)
 */
const REFUSED_SUFFIXES = [
  ...["localhost", "local", "internal", "home.arpa", "in-addr.arpa", "ip6.arpa", "test", "invalid", "onion", "alt"],
  ...["localdomain", "intranet", "lan", "home", "corp", "private", "svc"],
  // Public names that resolve to the address written in them, or to loopback.
  ...["nip.io", "sslip.io", "xip.io", "traefik.me", "localtest.me", "lvh.me", "lacolhost.com", "vcap.me"],
];

/**
 * A URL a person or client gave us, when it may be called: https, a public DNS name, no password, port 443 or 1024 and above.
 *
 * IP addresses are refused in every notation: the URL parser turns decimal, octal, hexadecimal and short forms into
 * dotted ones, and every IPv6 form (mapped, NAT64, 6to4, Teredo) into brackets. What a name resolves to is not seen
 * here; the runtime refuses private addresses in production (`global_fetch_strictly_public`).
 *
 * @throws `invalid_request` with a sentence saying what is wrong.
 */
export function requirePublicUrl(raw: string, { ownHosts }: PublicUrlOptions): URL {
  const url = parseStrictly(raw);
  if (url.protocol !== "https:") refuse("must start with https://");
  // An empty user name leaves no trace in the parsed URL.
  if (url.username !== "" || url.password !== "" || /^https:\/*[^/?#]*@/i.test(raw))
    refuse("must not hold a user name");
  if (!isPublicName(url.hostname)) refuse("must name a public host, not an IP address or a local name");
  if (ownHosts.some((host) => isSameOrBelow(url.hostname, host.toLowerCase()))) refuse("must not be our own");
  if (url.port !== "" && Number(url.port) < MIN_UNPRIVILEGED_PORT) refuse("must use port 443, or 1024 and above");
  return url;
}

function parseStrictly(raw: string): URL {
  if (raw.length > MAX_CHARACTERS) refuse(`must not be longer than ${MAX_CHARACTERS} characters`);
  // The parser drops tabs and line ends and reads a backslash as a slash: parsers disagree on what is the host then.
  if (/[\s\\\u0000-\u001f\u007f]/.test(raw)) refuse("must not hold spaces, control characters or backslashes");
  const url = URL.parse(raw);
  return url ?? refuse("is not a URL");
}

function isPublicName(hostname: string): boolean {
  if (hostname.length > MAX_NAME_CHARACTERS || !DNS_NAME.test(hostname)) return false;
  return !REFUSED_SUFFIXES.some((suffix) => isSameOrBelow(hostname, suffix));
}

function isSameOrBelow(hostname: string, parent: string): boolean {
  return hostname === parent || hostname.endsWith(`.${parent}`);
}

function refuse(problem: string): never {
  throw new AppError("invalid_request", `The address ${problem}.`);
}
