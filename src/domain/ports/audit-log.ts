import type { AuditEntry } from "../audit-event.ts";

/** Where what happened is recorded. `chain` is a workspace id or the chain of unauthenticated events. */
export interface AuditLog {
  /** Numbers and chains the entry durably before it resolves. Never throws: a failure is logged without the entry. */
  record(chain: string, entry: AuditEntry): Promise<void>;
  /**
   * Records the first entry of that `key` (caller, action, resource) in a minute as `record` does, and counts its
   * repeats, which are recorded as one entry with `detail.count` when the minute is over. Never throws either.
   */
  count(chain: string, key: string, entry: AuditEntry): Promise<void>;
}
