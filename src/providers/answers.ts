import { AppError } from "../domain/errors.ts";
import { type JsonObject, parseJsonObject } from "../domain/json.ts";
import { addSeconds, type EpochSeconds } from "../domain/time.ts";

/** Who is called, for sentences, and when. */
export interface Upstream {
  /** As a person knows it: `Google Cloud`. */
  readonly name: string;
  readonly now: EpochSeconds;
  /** Its own error codes, as the standard ones they mean. Absent: it uses those. */
  readonly errors?: Readonly<Record<string, string>>;
  /** The header that says when a limit ends, in epoch seconds. Absent: `Retry-After` does. */
  readonly limitEnd?: string | undefined;
}

/** A provider that asks for more than a day is taken to mean a day, so that one wrong header cannot end all retries. */
const MAX_RETRY_AFTER_SECONDS = 86_400;
/** 408 and 425 say "again", like the 5xx. */
const AGAIN_STATUSES = [408, 425, 429];

/** True when the same request may work later: the provider is busy, down, or a proxy before it answered. */
export function isTemporary(status: number): boolean {
  return status >= 500 || AGAIN_STATUSES.includes(status);
}

/** The JSON object in the answer; null when it holds anything else. */
export async function readJson(answer: Response): Promise<JsonObject | null> {
  return parseJsonObject(await answer.text());
}

/** The failure of an answer that says nothing about the credential. */
export function unavailable({ name, now, limitEnd }: Upstream, answer: Response): AppError {
  const retryAfterSeconds =
    readRetryAfter(answer.headers.get("retry-after"), now) ?? readLimitEnd(answer, limitEnd, now);
  const what = answer.status === 429 ? "limits our calls at the moment" : "gave no usable answer";
  return new AppError("provider_unavailable", `${name} ${what}.`, { retryAfterSeconds });
}

/**
 * The seconds of a `Retry-After`; undefined when it is absent or not one.
 *
 * @param raw Seconds, or an HTTP date.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
export function readRetryAfter(raw: string | null, now: EpochSeconds): number | undefined {
  if (raw === null) return undefined;
  const seconds = /^\d+$/.test(raw.trim()) ? Number(raw) : Math.ceil(Date.parse(raw) / 1000) - now;
  return seconds >= 0 ? Math.min(seconds, MAX_RETRY_AFTER_SECONDS) : undefined;
}

function readLimitEnd({ headers }: Response, name: string | undefined, now: EpochSeconds): number | undefined {
  const raw = name === undefined ? null : headers.get(name);
  return raw !== null && /^\d+$/.test(raw) ? readRetryAfter(String(Number(raw) - now), now) : undefined;
}

/** When something that lives for `raw` seconds from now ends; null unless it is a positive number, as text or not. */
export function readExpiry(raw: unknown, now: EpochSeconds): EpochSeconds | null {
  const seconds = typeof raw === "string" && /^\d+(\.\d+)?$/.test(raw) ? Number(raw) : raw;
  if (typeof seconds !== "number" || !(seconds > 0)) return null;
  return addSeconds(now, seconds);
}
