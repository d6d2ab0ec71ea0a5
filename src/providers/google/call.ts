import { AppError } from "../../domain/errors.ts";
import { isJsonObject, type JsonObject, readText } from "../../domain/json.ts";
import { isTemporary, readJson, unavailable } from "../answers.ts";
import type { ProviderContext } from "../provider.ts";

/** One call to a Google API that takes and answers JSON. */
export interface GoogleCall {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly body?: JsonObject;
}

/** An answer that says something: a success, or a refusal other than "again". */
export interface GoogleAnswer {
  readonly status: number;
  readonly body: JsonObject;
}

/** Makes a call with a credential that works now. */
export type CallGoogle = (call: GoogleCall) => Promise<GoogleAnswer>;

const NAME = "Google Cloud";
/** A page of projects, or the policy of a large project, is more than an ordinary answer. */
const MAX_BYTES = 1024 * 1024;
/** Changing a policy takes Google a while at times; nobody waits for it. */
const TIMEOUT_MS = 60_000;
/** Reasons in a 403 that go away by themselves: an API switched on moments ago, and a quota per minute. */
const PASSING_REASONS = ["SERVICE_DISABLED", "RATE_LIMIT_EXCEEDED"];
/** @see https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
const CODES = [
  ...["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"],
  ...["PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"],
  ...["INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"],
];

/**
 * Sends one call.
 *
 * @throws `provider_unavailable` when there is no JSON answer, or one that says "again": 429, 5xx, an API not switched on yet.
 */
export async function sendGoogleCall(
  { method, url, body }: GoogleCall,
  accessToken: string,
  { send, now }: Pick<ProviderContext, "now" | "send">,
): Promise<GoogleAnswer> {
  const headers = {
    accept: "application/json",
    authorization: `Bearer ${accessToken}`,
    ...(body && { "content-type": "application/json" }),
  };
  const request = new Request(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const answer = await send(request, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES });
  const isRedirect = answer.status >= 300 && answer.status < 400;
  if (isTemporary(answer.status) || isRedirect) throw unavailable({ name: NAME, now }, answer);
  const parsed = await readJson(answer);
  if (parsed === null) throw unavailable({ name: NAME, now }, answer);
  if (answer.status === 403 && isPassing(parsed)) {
    throw new AppError(
      "provider_unavailable",
      `${NAME} has not switched on the API this needs, or limits calls to it.`,
    );
  }
  return { status: answer.status, body: parsed };
}

/**
 * The body of a success.
 *
 * @param deed What was asked, after "refused to": `create a service account`.
 * @throws `provider_rejected` with a sentence that holds none of the answer's text, only its code from a closed list.
 */
export function requireSuccess({ status, body }: GoogleAnswer, deed: string): JsonObject {
  if (status < 300) return body;
  const code = readCode(body);
  throw new AppError("provider_rejected", `${NAME} refused to ${deed} (${code ?? `status ${status}`}).`);
}

/** The canonical code of a refusal, e.g. `PERMISSION_DENIED`; null when it names none that is known. */
export function readCode(body: JsonObject): string | null {
  const error = body["error"];
  const code = isJsonObject(error) ? readText(error, "status") : null;
  return code !== null && CODES.includes(code) ? code : null;
}

/** The name of a numeric code, as long-running operations carry it. */
export function nameOfCode(code: unknown): string {
  return (typeof code === "number" ? CODES[code] : undefined) ?? "UNKNOWN";
}

/** A segment of a path: ids of domain-scoped projects hold a colon. */
export function segment(id: string): string {
  return encodeURIComponent(id);
}

/** @see https://cloud.google.com/apis/design/errors#error_info */
function isPassing(body: JsonObject): boolean {
  const error = body["error"];
  const details = isJsonObject(error) ? error["details"] : null;
  if (!Array.isArray(details)) return false;
  return details.some((detail) => isJsonObject(detail) && PASSING_REASONS.includes(String(detail["reason"])));
}
