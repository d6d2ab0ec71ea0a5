import { z } from "zod";
import { AUDIT_ACTIONS, type AuditEntry } from "./audit-event.ts";
import { AppError } from "./errors.ts";
import { toHex } from "./ids.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import type { RandomBytes } from "./ports/clock.ts";

/**
 * The entry in `raw`, with every text stripped of what could forge a line, colour a terminal or hide.
 *
 * @throws `invalid_request` when it has another shape; what it held is not repeated.
 */
export function parseAuditEntry(raw: unknown): AuditEntry {
  const parsed = EntrySchema.safeParse(raw);
  if (!parsed.success) throw new AppError("invalid_request", "An audit entry has an unknown shape.");
  return parsed.data;
}

const KEY_BYTES = 16;

/** Under which the log is told of something, so that telling it again records it once: 128 random bits in hex. */
export function createEntryKey(random: RandomBytes): string {
  return toHex(random(KEY_BYTES));
}

/** Long enough for every id and sentence of ours; more is somebody else's text. */
const MAX_TEXT_CHARACTERS = 512;
/** A detail is a few facts; what is nested deeper or longer is cut, so that an event stays small. */
const MAX_DETAIL_DEPTH = 4;
const MAX_DETAIL_MEMBERS = 32;
/** C0, DEL, C1, soft hyphen, zero-width and direction marks, line and paragraph separators, byte-order mark, tags. */
const INVISIBLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

function cleanText(text: string): string {
  // Cut first: a hostile text may be long. Postgres refuses half of a surrogate pair, so it is replaced.
  return text.slice(0, MAX_TEXT_CHARACTERS).toWellFormed().replace(INVISIBLE, "");
}

/** `value` as it may be stored: texts cleaned, numbers finite, nothing that JSON does not have. */
function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return cleanText(value);
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (depth >= MAX_DETAIL_DEPTH) return null;
  if (Array.isArray(value)) return value.slice(0, MAX_DETAIL_MEMBERS).map((member) => cleanValue(member, depth + 1));
  return isJsonObject(value) ? cleanObject(value, depth) : null;
}

function cleanObject(object: JsonObject, depth: number): JsonObject {
  const members = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    members.slice(0, MAX_DETAIL_MEMBERS).map(([name, value]) => [cleanText(name), cleanValue(value, depth + 1)]),
  );
}

const cleaned = z.string().transform(cleanText);

const EntrySchema = z.strictObject({
  action: z.enum(AUDIT_ACTIONS),
  outcome: z.enum(["success", "failure"]),
  actor: z.strictObject({
    type: z.enum(["user", "api_key", "kubectl_token", "system", "anonymous"]),
    id: cleaned.nullable(),
    via: cleaned.exactOptional(),
  }),
  resource: z
    .strictObject({
      type: z.enum([
        "user",
        "session",
        "api_key",
        "kubectl_token",
        "connection",
        "provider",
        "workspace",
        "webhook",
        "route",
      ]),
      id: cleaned.nullable(),
      provider: cleaned.exactOptional(),
    })
    .nullable(),
  ip: cleaned.nullable(),
  requestId: cleaned.nullable(),
  detail: z.custom<JsonObject>(isJsonObject).transform((detail) => cleanObject(detail, 0)),
});
