import { type ChainedEvent, type ChainHead, type CountedEntry, chainEvent } from "../../domain/audit-chain.ts";
import { parseAuditEntry } from "../../domain/audit-entry.ts";
import type { AuditEntry } from "../../domain/audit-event.ts";
import { shareEntry } from "../../domain/repeated-entry.ts";

/** Repeats of one key in one minute (whole minutes since 1970). */
export interface Repeats {
  readonly key: string;
  readonly minute: number;
  /** What is true of all of them; the first itself while there are none. */
  readonly entry: AuditEntry;
  readonly times: number;
}

/** What a chain keeps until Postgres has it. Every method is one step that cannot be half done. */
export interface AuditOutbox {
  head(): ChainHead;
  /** Keeps the events, with the key they came under, and moves the head to the last. */
  add(events: readonly ChainedEvent[], key: string | null): void;
  /** True when something came under that key, and it is not too long ago. */
  knows(key: string): boolean;
  /** Events with `seq > after`, by seq. */
  pending(after: number, limit: number): readonly ChainedEvent[];
  /** Drops the events of those numbers. */
  forget(seqs: readonly number[]): void;
  /** The repeats of that key, of whatever minute; null when there are none. */
  repeats(key: string): Repeats | null;
  keepRepeats(repeats: Repeats): void;
  /** Some repeats of minutes before `minute`; none when none are left. */
  repeatsBefore(minute: number, limit: number): readonly Repeats[];
  forgetRepeats(keys: readonly string[]): void;
}

export interface AppendDeps {
  readonly outbox: AuditOutbox;
  readonly sha256: (text: string) => Promise<string>;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Hears of every event that was added, in order, once it is kept. */
  readonly tell: (events: readonly ChainedEvent[]) => void;
}

const MINUTE_MS = 60_000;
/** Bounds the memory a flood of different callers can take. */
const REPEATS_BATCH = 200;

/**
 * Numbers, stamps and chains the entries. Callers go one at a time: the next starts when this has resolved.
 *
 * @param key What came under it before is not recorded again: an answer may have been lost. Null = it cannot have come.
 * @throws `invalid_request` when an entry has an unknown shape; nothing is recorded then.
 */
export async function appendAuditEvents(
  deps: AppendDeps,
  raw: readonly unknown[],
  key: string | null = null,
): Promise<ChainHead> {
  const entries = raw.map(parseAuditEntry);
  if (key !== null && deps.outbox.knows(key)) return deps.outbox.head();
  const events: ChainedEvent[] = [];
  let head = deps.outbox.head();
  for (const entry of entries) {
    const event = await chainEvent(head, entry, new Date(deps.nowMs()).toISOString(), deps.sha256);
    events.push(event);
    head = { seq: event.seq, hash: event.hash };
  }
  if (events.length === 0 && key === null) return head;
  deps.outbox.add(events, key);
  deps.tell(events);
  return head;
}

/**
 * Records the first entry of each key in a minute and counts its repeats. One at a time, as {@link appendAuditEvents}.
 *
 * @param batchKey As the key there, of the whole batch.
 * @throws `invalid_request` when an entry has an unknown shape.
 */
export async function countAuditEvents(
  deps: AppendDeps,
  counted: readonly CountedEntry[],
  batchKey: string | null = null,
): Promise<ChainHead> {
  await appendRepeats(deps);
  if (batchKey !== null && deps.outbox.knows(batchKey)) return deps.outbox.head();
  const minute = minuteOf(deps);
  const firsts: AuditEntry[] = [];
  const changed = new Map<string, Repeats>();
  for (const { key, entry: raw, times } of counted) {
    const entry = parseAuditEntry(raw);
    const known = changed.get(key) ?? deps.outbox.repeats(key);
    if (known === null) firsts.push(entry);
    changed.set(key, known === null ? { key, minute, entry, times: times - 1 } : addRepeats(known, entry, times));
  }
  const head = await appendAuditEvents(deps, firsts, batchKey);
  for (const repeats of changed.values()) deps.outbox.keepRepeats(repeats);
  return head;
}

/** The sum is about the repeats alone: the first is an event of its own. */
function addRepeats(known: Repeats, entry: AuditEntry, times: number): Repeats {
  return { ...known, entry: known.times === 0 ? entry : shareEntry(known.entry, entry), times: known.times + times };
}

/** Records the repeats of minutes that are over, one event a key, with how many there were in `detail.count`. */
export async function appendRepeats(deps: AppendDeps): Promise<void> {
  for (;;) {
    const over = deps.outbox.repeatsBefore(minuteOf(deps), REPEATS_BATCH);
    if (over.length === 0) return;
    const entries = over.flatMap(({ entry, times }) => (times > 0 ? [toCounted(entry, times)] : []));
    await appendAuditEvents(deps, entries);
    // After, not before: a crash in between repeats a count rather than lose it.
    deps.outbox.forgetRepeats(over.map(({ key }) => key));
  }
}

/** One event for several requests, so it names none of them; nor a route or an address when there were several. */
function toCounted(entry: AuditEntry, times: number): AuditEntry {
  return { ...entry, requestId: null, detail: { ...entry.detail, count: times } };
}

/** When the repeats of `minute` are to be recorded. */
export function endOfMinuteMs(minute: number): number {
  return (minute + 1) * MINUTE_MS;
}

function minuteOf(deps: Pick<AppendDeps, "nowMs">): number {
  return Math.floor(deps.nowMs() / MINUTE_MS);
}
