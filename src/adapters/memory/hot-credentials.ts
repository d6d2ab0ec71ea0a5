import type { HotCredential, HotCredentials, HotKey } from "../../domain/ports/credential-cache.ts";

/** A few hundred callers of a few connections each; beyond that the oldest answers go. */
const MAX_ENTRIES = 2000;

interface Entry {
  readonly key: HotKey;
  readonly answer: HotCredential;
  readonly until: number;
}

/**
 * What this isolate answered in the last seconds. Values, never promises: I/O belongs to the request that began it.
 *
 * @param seconds How long an answer may be repeated; 0 = never.
 * @param nowMs   Milliseconds since the epoch.
 */
export function createHotCredentials(seconds: number, nowMs: () => number): HotCredentials {
  const entries = new Map<string, Entry>();
  let changes = 0;

  return {
    read(key) {
      const entry = entries.get(nameOf(key));
      return entry !== undefined && entry.until > nowMs() ? entry.answer : null;
    },
    begin: () => ({ atMs: nowMs(), changesSeen: changes }),
    write(key, answer, stamp) {
      if (seconds === 0 || stamp.changesSeen !== changes) return;
      const name = nameOf(key);
      entries.delete(name);
      entries.set(name, { key, answer, until: stamp.atMs + seconds * 1000 });
      const oldest = entries.size > MAX_ENTRIES ? entries.keys().next().value : undefined;
      if (oldest !== undefined) entries.delete(oldest);
    },
    forget(connectionId) {
      changes += 1;
      for (const [name, entry] of entries) if (entry.key.connectionId === connectionId) entries.delete(name);
    },
  };
}

function nameOf(key: HotKey): string {
  return `${key.fingerprint}|${key.userId}|${key.connectionId}`;
}
