import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A journal is rewritten when it is longer than this and mostly dead lines. */
const COMPACT_LINES = 5_000;
const COMPACT_RATIO = 4;

/** What must survive a restart: grants, refresh tokens, bindings, keys. */
export interface State {
  /** The value, or null when absent or expired. Shared, not copied: replace it with `set`, never change it. */
  get(key: string): unknown;
  /** @param expiresAtMs Epoch milliseconds; null keeps it for ever. */
  set(key: string, value: unknown, expiresAtMs: number | null): void;
  delete(key: string): void;
  /** Every live key that starts with `prefix`. */
  keys(prefix: string): string[];
}

interface Entry {
  readonly value: unknown;
  readonly expiresAtMs: number | null;
}

type JournalLine = readonly [key: string, entry: Entry | null];

/**
 * Opens the state kept in `directory`, or one in memory when it is null.
 *
 * Each change is one appended line, written before the caller goes on, so that a SIGKILL loses nothing that
 * was answered; a last line cut short is ignored. Appending keeps a change at the same cost however much is kept.
 */
export function openState(directory: string | null, now: () => number): State {
  if (directory === null) return createState(new Map(), now, () => {});
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "state.jsonl");
  const entries = readJournal(file);
  let lines = writeJournal(file, entries, now());
  return createState(entries, now, (line) => {
    appendFileSync(file, `${JSON.stringify(line)}\n`, { mode: 0o600 });
    lines += 1;
    if (lines > COMPACT_LINES && lines > entries.size * COMPACT_RATIO) lines = writeJournal(file, entries, now());
  });
}

function createState(entries: Map<string, Entry>, now: () => number, record: (line: JournalLine) => void): State {
  const isLive = (entry: Entry) => entry.expiresAtMs === null || entry.expiresAtMs > now();
  return {
    get(key) {
      const entry = entries.get(key);
      return entry && isLive(entry) ? entry.value : null;
    },
    set(key, value, expiresAtMs) {
      const entry = { value, expiresAtMs };
      entries.set(key, entry);
      record([key, entry]);
    },
    delete(key) {
      if (entries.delete(key)) record([key, null]);
    },
    keys: (prefix) =>
      [...entries].filter(([key, entry]) => key.startsWith(prefix) && isLive(entry)).map(([key]) => key),
  };
}

function readJournal(file: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  if (!existsSync(file)) return entries;
  for (const text of readFileSync(file, "utf8").split("\n")) {
    const line = parseLine(text);
    if (!line) continue;
    const [key, entry] = line;
    if (entry) entries.set(key, entry);
    if (!entry) entries.delete(key);
  }
  return entries;
}

function parseLine(text: string): JournalLine | null {
  try {
    return JSON.parse(text) as JournalLine;
  } catch {
    // Blank, or cut short by a kill while it was written: nobody was answered on the strength of it.
    return null;
  }
}

/** Writes only what is live, in one rename. Returns how many lines there are. */
function writeJournal(file: string, entries: Map<string, Entry>, nowMs: number): number {
  for (const [key, entry] of entries) {
    if (entry.expiresAtMs !== null && entry.expiresAtMs <= nowMs) entries.delete(key);
  }
  const text = [...entries].map((line) => `${JSON.stringify(line)}\n`).join("");
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return entries.size;
}
