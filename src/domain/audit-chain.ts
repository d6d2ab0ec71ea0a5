import { z } from "zod";
import {
  AUDIT_ACTIONS,
  type AuditAction,
  type AuditEntry,
  type AuditEvent,
  UNAUTHENTICATED_CHAIN,
} from "./audit-event.ts";
import { AppError } from "./errors.ts";
import { type ApiKeyId, readId } from "./ids.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import type { Outcome } from "./outcome.ts";
import type { Scope } from "./principal.ts";

/** The last event of a chain; `seq` 0 with {@link GENESIS_HASH} before the first. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** What the hash of the first event is chained to. */
export const GENESIS_HASH = "0".repeat(64);
export const EMPTY_CHAIN: ChainHead = { seq: 0, hash: GENESIS_HASH };

/** An event as it is stored: `text` is the canonical JSON that was hashed. */
export interface ChainedEvent {
  readonly seq: number;
  readonly text: string;
  readonly prevHash: string;
  readonly hash: string;
}

/** A row of the log as the database shows it now, trusted in nothing. */
export interface AuditRow extends ChainedEvent {
  /** What the columns say, without the hash; compared with `text`. */
  readonly columns: JsonObject;
}

/** Something that happened `times` times since it was last sent. */
export interface CountedEntry {
  readonly key: string;
  readonly entry: AuditEntry;
  readonly times: number;
}

export interface AuditQuery {
  /** Exclusive. */
  readonly after: number;
  readonly limit: number;
  readonly action: AuditAction | null;
  /** The id of who did it. */
  readonly actor: string | null;
}

/** The log in Postgres. Every method throws `database_unavailable` when it does not answer. */
export interface AuditEventStore {
  /** Adds events of one chain in order; one that is there already is left as it is, so it is safe to repeat. */
  insert(chain: string, events: readonly ChainedEvent[]): Promise<void>;
  /** Events of the caller's workspace, oldest first. */
  list(scope: Scope, query: AuditQuery): Promise<readonly AuditEvent[]>;
  /** Rows of the caller's workspace with `seq > after`, by seq. */
  rows(scope: Scope, after: number, limit: number): Promise<readonly AuditRow[]>;
  /** The highest seq of the caller's workspace; 0 when there is none. */
  lastSeq(scope: Scope): Promise<number>;
}

/** The chains' own memory of how far they are. */
export interface AuditHeads {
  /**
   * Brings what was recorded so far to the store, and answers the last of it.
   *
   * @throws `database_unavailable` when the store or the chain does not answer.
   */
  settle(chain: string): Promise<ChainHead>;
}

/** What the `AuditLog` object answers over RPC. */
export interface AuditLogObject {
  append(chain: string, entries: readonly AuditEntry[]): Promise<Outcome<ChainHead>>;
  count(chain: string, counted: readonly CountedEntry[]): Promise<Outcome<ChainHead>>;
  /** Notes from where a key was used; what is abnormal about it is recorded. */
  sight(chain: string, key: ApiKeyId, ip: string): Promise<Outcome<ChainHead>>;
  /** Numbered events that Postgres does not have yet, by seq. */
  pending(after: number, limit: number): Promise<readonly ChainedEvent[]>;
  head(): Promise<ChainHead>;
  /** Brings everything recorded so far to Postgres. Refuses with `database_unavailable` when it cannot. */
  flush(): Promise<Outcome<ChainHead>>;
}

/** Lower-case hex SHA-256 of text. */
type Sha256 = (text: string) => Promise<string>;

/** The chain of that name. @throws `invalid_request` when it is neither a workspace nor the one of unauthenticated events. */
export function requireChain(raw: string): string {
  if (raw === UNAUTHENTICATED_CHAIN || readId("wsp", raw) !== null) return raw;
  throw new AppError("invalid_request", "There is no audit chain of that name.");
}

/** Numbers the entry, stamps it with `at` (RFC 3339) and chains it behind `head`. */
export async function chainEvent(
  head: ChainHead,
  entry: AuditEntry,
  at: string,
  sha256: Sha256,
): Promise<ChainedEvent> {
  const { requestId, ...rest } = entry;
  const text = canonicalJson({ ...rest, seq: head.seq + 1, at, request_id: requestId });
  return { seq: head.seq + 1, text, prevHash: head.hash, hash: await sha256(head.hash + text) };
}

/** True when the row is the one that follows `head`: its number, its columns, its text and its hashes all agree. */
export async function isNextRow(head: ChainHead, row: AuditRow, sha256: Sha256): Promise<boolean> {
  if (row.seq !== head.seq + 1 || row.prevHash !== head.hash) return false;
  // The text is rebuilt from the columns, which are what people read: editing either is found.
  const text = canonicalJson(row.columns);
  return text === row.text && row.hash === (await sha256(head.hash + text));
}

/** JSON without whitespace and with the members of every object in code-unit order, as it is hashed. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value ?? null);
  const members = Object.keys(value)
    .sort()
    .filter((name) => value[name] !== undefined)
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`);
  return `{${members.join(",")}}`;
}

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
      type: z.enum(["user", "session", "api_key", "kubectl_token", "connection", "provider", "workspace", "route"]),
      id: cleaned.nullable(),
      provider: cleaned.exactOptional(),
    })
    .nullable(),
  ip: cleaned.nullable(),
  requestId: cleaned.nullable(),
  detail: z.custom<JsonObject>(isJsonObject).transform((detail) => cleanObject(detail, 0)),
});
