import type { AuditEntry } from "../../src/domain/audit-event.ts";
import type { AuditLog } from "../../src/domain/ports/audit-log.ts";

/** One call of the log. `key` null = recorded, otherwise counted under it. */
export interface AuditCall extends AuditEntry {
  readonly chain: string;
  readonly key: string | null;
}

/** Keeps every entry in the order it came. */
export function createFakeAuditLog(): AuditLog & { readonly entries: AuditCall[] } {
  const entries: AuditCall[] = [];
  return {
    entries,
    record: async (chain, entry) => {
      entries.push({ ...entry, chain, key: null });
    },
    count: async (chain, key, entry) => {
      entries.push({ ...entry, chain, key });
    },
  };
}
