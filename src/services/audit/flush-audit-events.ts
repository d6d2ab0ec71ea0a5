import type { AuditEventStore, ChainedEvent } from "../../domain/audit-chain.ts";
import type { Log } from "../../domain/ports/log.ts";
import type { AuditOutbox } from "./append-audit-events.ts";

/** What a flush needs of the outbox, and remembers beside it. */
export interface FlushOutbox extends Pick<AuditOutbox, "pending" | "forget"> {
  /** Whose events these are. */
  chain(): string;
  /** How often in a row Postgres did not answer. */
  failures(): number;
  keepFailures(failures: number, retryAtMs: number): void;
}

export interface FlushDeps {
  readonly outbox: FlushOutbox;
  /** Found only when there is something to write; may throw, as the store itself. */
  readonly store: () => Pick<AuditEventStore, "insert">;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly log: () => Pick<Log, "error">;
  /** Makes sure, before anything is brought, that the numbers go on from those Postgres has; may throw as the store. */
  readonly adopt: () => Promise<void>;
}

/** One statement's worth: at most a few hundred KiB of JSON. */
const BATCH = 100;
/** Long enough to gather what happens together into one statement. */
export const FLUSH_DELAY_MS = 500;
const FIRST_BACKOFF_MS = 1000;
/** No event waits longer than this once Postgres is back. */
export const MAX_BACKOFF_MS = 30_000;

/**
 * Brings what the outbox holds to Postgres, in order, and drops it there once it has arrived. Callers go one at a time.
 *
 * An event whose number another one has taken in Postgres stays in the outbox, is said in the log, and tried again: it
 * arrives once that row is gone. The rest does not wait for it.
 *
 * @returns the numbers of those that stay.
 * @throws `database_unavailable` when it does not answer: what is left stays in the outbox with a time to try again,
 *         twice as far off each time, and repeating is safe.
 */
export async function flushAuditEvents(deps: FlushDeps): Promise<readonly number[]> {
  const { outbox } = deps;
  const taken: number[] = [];
  try {
    await deps.adopt();
    for (let events = outbox.pending(0, BATCH); events.length > 0; ) {
      taken.push(...(await insertBatch(deps, events)));
      events = outbox.pending(events.at(-1)?.seq ?? 0, BATCH);
    }
  } catch (error) {
    retryLater(deps);
    throw error;
  }
  if (taken.length > 0) reportTaken(deps, taken);
  else if (outbox.failures() > 0) outbox.keepFailures(0, 0);
  return taken;
}

async function insertBatch({ outbox, store }: FlushDeps, events: readonly ChainedEvent[]): Promise<readonly number[]> {
  const taken = await store().insert(outbox.chain(), events);
  outbox.forget(events.map(({ seq }) => seq).filter((seq) => !taken.includes(seq)));
  return taken;
}

function reportTaken(deps: FlushDeps, taken: readonly number[]): void {
  const { outbox, log } = deps;
  retryLater(deps);
  const fields = { chain: outbox.chain(), events: taken.length, first: taken[0] ?? null };
  log().error("numbers of the audit log are taken in Postgres by other events", fields);
}

function retryLater({ outbox, nowMs }: FlushDeps): void {
  const failures = outbox.failures();
  outbox.keepFailures(failures + 1, nowMs() + Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS));
}
