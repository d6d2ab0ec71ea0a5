import type { AuditEntry } from "../audit-event.ts";

/** Where what happened is recorded. `chain` is a workspace id or the chain of unauthenticated events. */
export interface AuditLog {
  /** Numbers and chains the entry durably before it resolves. Never throws: a failure is logged without the entry. */
  record(chain: string, entry: AuditEntry): Promise<void>;
  /**
   * The same for a caller who keeps the entry until it is recorded: however often it is told under that key, it is there
   * once. Never throws.
   *
   * @param key Unique to the entry; remembered for the chain's newest thousands.
   * @returns false when the log did not answer: tell it again.
   */
  recordOnce(chain: string, key: string, entry: AuditEntry): Promise<boolean>;
  /**
   * Records the first entry of that `key` (caller, action, resource) in a minute as `record` does, and counts its
   * repeats, which are recorded as one entry with `detail.count` when the minute is over. Never throws either.
   */
  count(chain: string, key: string, entry: AuditEntry): Promise<void>;
}
