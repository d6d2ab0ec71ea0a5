import type { AuditEntry } from "../../src/domain/audit-event.ts";
import type { AuditLog } from "../../src/domain/ports/audit-log.ts";

/** One call of the log. `key` null = recorded, otherwise counted under it. */
export interface AuditCall extends AuditEntry {
  readonly chain: string;
  readonly key: string | null;
}

export interface FakeAuditLog extends AuditLog {
  readonly entries: AuditCall[];
  /** A test may keep it from answering who would tell it again. */
  isAway: boolean;
}

/** Keeps every entry in the order it came. */
export function createFakeAuditLog(): FakeAuditLog {
  const entries: AuditCall[] = [];
  const keys = new Set<string>();
  const log: FakeAuditLog = {
    entries,
    isAway: false,
    recordOnce: async (chain, key, entry) => {
      if (log.isAway) return false;
      if (!keys.has(key)) entries.push({ ...entry, chain, key: null });
      keys.add(key);
      return true;
    },
    record: async (chain, entry) => {
      entries.push({ ...entry, chain, key: null });
    },
    count: async (chain, key, entry) => {
      entries.push({ ...entry, chain, key });
    },
  };
  return log;
}
