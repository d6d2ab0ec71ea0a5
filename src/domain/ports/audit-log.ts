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
   * Records the first entry of that `key` in a minute as `record` does, and counts its repeats, which are recorded as one
   * entry with `detail.count` when the minute is over: what is true of all of them, and no more. Never throws either.
   *
   * @param key Of caller, action and whatever two entries must share to be counted together, e.g. the reason.
   */
  count(chain: string, key: string, entry: AuditEntry): Promise<void>;
}
