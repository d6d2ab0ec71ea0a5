import { type AuditAction, type AuditEntry, type AuditEvent, UNAUTHENTICATED_CHAIN } from "./audit-event.ts";
import { AppError } from "./errors.ts";
import { type ApiKeyId, readId } from "./ids.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "./json.ts";
import type { Outcome } from "./outcome.ts";
import type { Scope } from "./principal.ts";
import type { EpochSeconds } from "./time.ts";

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
  /**
   * Adds events of one chain in order; one that is there already is left as it is, so it is safe to repeat.
   *
   * @returns the numbers, of those, under which another event is stored: theirs are not.
   */
  insert(chain: string, events: readonly ChainedEvent[]): Promise<readonly number[]>;
  /** Events of the caller's workspace, oldest first. */
  list(scope: Scope, query: AuditQuery): Promise<readonly AuditEvent[]>;
  /** Rows of the caller's workspace with `seq > after`, by seq. */
  rows(scope: Scope, after: number, limit: number): Promise<readonly AuditRow[]>;
  /** The highest seq of the caller's workspace; 0 when there is none. */
  lastSeq(scope: Scope): Promise<number>;
}

/** A signed statement that the chain had that hash at that number. */
export interface Checkpoint extends ChainHead {
  /** When it was signed, RFC 3339 with milliseconds. */
  readonly at: string;
  /** The `kid` of the key that signed it. */
  readonly keyId: string;
  /** Ed25519, base64url without padding. */
  readonly signature: string;
}

/** A place of the chain the log itself remembers; `checkpoint` null until Postgres has it. */
export interface Mark extends ChainHead {
  readonly checkpoint: Checkpoint | null;
}

/** What the log itself remembers of its chain, which somebody who can write the table cannot change. */
export interface ChainMemory {
  /** The last event that was pruned; {@link EMPTY_CHAIN} when none was. */
  readonly anchor: ChainHead;
  /** False while rows up to the anchor may still wait for their deletion. */
  readonly isCleared: boolean;
  /** By seq. */
  readonly marks: readonly Mark[];
}

/** The signed checkpoints in Postgres. Every method throws `database_unavailable` when it does not answer. */
export interface AuditCheckpointStore {
  /** Adds checkpoints of one chain; one that is there already is left as it is, so it is safe to repeat. */
  insert(chain: string, checkpoints: readonly Checkpoint[]): Promise<void>;
  /** Checkpoints of the caller's workspace with `seq >= from`, by seq, as the database shows them now. */
  list(scope: Scope, from: number, limit: number): Promise<readonly Checkpoint[]>;
}

/** Old events in Postgres. Every method throws `database_unavailable` when it does not answer. */
export interface AuditPruning {
  /** The number up to which every event is from before that time; 0 when the first is not, or there is none. */
  lastBefore(scope: Scope, before: EpochSeconds): Promise<number>;
  /** Deletes some of the events up to `seq`, where a checkpoint is, but none of the last 29 days; answers how many. */
  deleteUpTo(scope: Scope, seq: number, limit: number): Promise<number>;
}

/** The chains' own memory. Every method throws `database_unavailable` when the chain does not answer. */
export interface AuditHeads {
  /**
   * Brings what was recorded so far to the store, and answers the last of it.
   *
   * @throws `database_unavailable` when the store or the chain does not answer.
   */
  settle(chain: string): Promise<ChainHead>;
  /** What it remembers from `after` or the anchor on, beginning with the last mark at or before that. */
  memory(chain: string, after: number, limit: number): Promise<ChainMemory>;
  /**
   * Makes the chain begin behind `to`, which must be the hash that was recorded: signs it, stores the checkpoint and
   * remembers it. The rows up to it may be deleted from then on.
   *
   * @throws `vault_unavailable` when it cannot be signed; `invalid_request` when it is no place to begin.
   */
  anchor(chain: string, to: ChainHead): Promise<void>;
  /** Says that no row up to `seq`, which is the anchor, is left. */
  cleared(chain: string, seq: number): Promise<void>;
}

/** What an isolate has counted for a chain and not yet sent. */
export interface AuditDrain {
  /** Sends it. Never throws: what does not arrive is said in the log. */
  drain(chain: string): Promise<void>;
}

/** What the `AuditLog` object answers over RPC. */
export interface AuditLogObject {
  /** @param key What was appended under the same key before is not appended again; null = nobody asks twice. */
  append(chain: string, entries: readonly AuditEntry[], key?: string | null): Promise<Outcome<ChainHead>>;
  /** @param key As for `append`. */
  count(chain: string, counted: readonly CountedEntry[], key?: string | null): Promise<Outcome<ChainHead>>;
  /** Notes from where a key was used; what is abnormal about it is recorded. */
  sight(chain: string, key: ApiKeyId, ip: string): Promise<Outcome<ChainHead>>;
  /** Numbered events that Postgres does not have yet, by seq. */
  pending(after: number, limit: number): Promise<readonly ChainedEvent[]>;
  head(): Promise<ChainHead>;
  /** Brings everything recorded so far to Postgres. Refuses with `database_unavailable` when it cannot. */
  flush(): Promise<Outcome<ChainHead>>;
  /** See {@link AuditHeads}. */
  memory(after: number, limit: number): Promise<ChainMemory>;
  anchor(chain: string, to: ChainHead): Promise<Outcome<void>>;
  cleared(seq: number): Promise<void>;
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

/** The same event, numbered and chained behind another `head`. */
export async function rechainEvent(head: ChainHead, { text }: ChainedEvent, sha256: Sha256): Promise<ChainedEvent> {
  const moved = canonicalJson({ ...parseJsonObject(text), seq: head.seq + 1 });
  return { seq: head.seq + 1, text: moved, prevHash: head.hash, hash: await sha256(head.hash + moved) };
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
