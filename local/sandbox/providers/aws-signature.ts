import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { WireRequest } from "../wire.ts";

/** AWS refuses a request signed longer ago than this, or so far ahead. */
const MAX_SKEW_MS = 5 * 60_000;

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([^/,\s]+)\/([^/,\s]+)\/aws4_request,\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/;

/** A refusal in AWS's terms. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export type Verdict = { readonly accessKeyId: string } | { readonly refusal: Refusal };

export interface Expectation {
  readonly region: string;
  readonly service: string;
  readonly nowMs: number;
  /** The secret of an access key, or why it is refused. */
  readonly readSecret: (accessKeyId: string, sessionToken: string | null) => string | Refusal;
}

interface Signature {
  readonly accessKeyId: string;
  readonly scope: readonly [date: string, region: string, service: string, end: "aws4_request"];
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/**
 * Verifies Signature Version 4 as AWS does: against the real host and path, every header that matters signed.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function verifySignature(request: WireRequest, expected: Expectation): Verdict {
  const header = request.headers.authorization;
  if (!header) return refuse(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
  const parsed = parseAuthorization(header);
  if (!parsed)
    return refuse(400, "IncompleteSignature", "Authorization header is not a valid AWS4-HMAC-SHA256 header.");
  const problem = findProblem(request, parsed, expected);
  if (problem) return { refusal: problem };

  const secret = expected.readSecret(parsed.accessKeyId, readHeader(request, "x-amz-security-token"));
  if (typeof secret !== "string") return { refusal: secret };
  const signature = sign(request, parsed, secret);
  if (timingSafeEqual(Buffer.from(signature), Buffer.from(parsed.signature)))
    return { accessKeyId: parsed.accessKeyId };
  return refuse(
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
  );
}

function parseAuthorization(header: string): Signature | null {
  const [, accessKeyId, date, region, service, names, signature] = AUTHORIZATION.exec(header) ?? [];
  if (!accessKeyId || !date || !region || !service || !names || !signature) return null;
  return { accessKeyId, scope: [date, region, service, "aws4_request"], signedHeaders: names.split(";"), signature };
}

function findProblem(request: WireRequest, parsed: Signature, expected: Expectation): Refusal | null {
  const [date, region, service] = parsed.scope;
  const mismatch = (message: string) => ({ status: 403, code: "SignatureDoesNotMatch", message });
  if (region !== expected.region) return mismatch(`Credential should be scoped to a valid region, not '${region}'.`);
  if (service !== expected.service)
    return mismatch(`Credential should be scoped to correct service: '${expected.service}'.`);

  const stamp = readHeader(request, "x-amz-date") ?? "";
  const signedAtMs = parseStamp(stamp);
  if (signedAtMs === null || !stamp.startsWith(date))
    return mismatch("Date in Credential scope does not match X-Amz-Date.");
  if (signedAtMs < expected.nowMs - MAX_SKEW_MS) return mismatch(`Signature expired: ${stamp} is too old.`);
  if (signedAtMs > expected.nowMs + MAX_SKEW_MS)
    return mismatch(`Signature not yet current: ${stamp} is in the future.`);

  const required = ["host", ...Object.keys(request.headers).filter((name) => name.startsWith("x-amz-"))];
  const unsigned = required.filter((name) => !parsed.signedHeaders.includes(name));
  if (unsigned.length === 0) return null;
  return mismatch(`'${unsigned[0]}' must be a 'SignedHeader' in the AWS Authorization.`);
}

function sign(request: WireRequest, parsed: Signature, secret: string): string {
  const stamp = readHeader(request, "x-amz-date") ?? "";
  const toSign = ["AWS4-HMAC-SHA256", stamp, parsed.scope.join("/"), hash(canonicalRequest(request, parsed))].join(
    "\n",
  );
  const key = parsed.scope.reduce<Buffer>((previous, part) => hmac(previous, part), Buffer.from(`AWS4${secret}`));
  return hmac(key, toSign).toString("hex");
}

function canonicalRequest(request: WireRequest, { signedHeaders }: Signature): string {
  const query = [...request.query]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const headers = signedHeaders.map(
    (name) => `${name}:${(readHeader(request, name) ?? "").trim().replace(/ +/g, " ")}\n`,
  );
  const payload = createHash("sha256").update(request.body).digest("hex");
  return [request.method, request.path, query, headers.join(""), signedHeaders.join(";"), payload].join("\n");
}

/** The host that was signed is the real one; the one on the wire is 127.0.0.1. */
function readHeader(request: WireRequest, name: string): string | null {
  if (name === "host") return request.host;
  const value = request.headers[name];
  return value === undefined ? null : String(value);
}

function parseStamp(stamp: string): number | null {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp)?.slice(1);
  if (!parts) return null;
  const [year, month, day, hour, minute, second] = parts;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? null : ms;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function refuse(status: number, code: string, message: string): Verdict {
  return { refusal: { status, code, message } };
}
