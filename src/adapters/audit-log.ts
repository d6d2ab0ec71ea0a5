import type { AuditDrain, AuditHeads, AuditLogObject, CountedEntry } from "../domain/audit-chain.ts";
import { createEntryKey } from "../domain/audit-entry.ts";
import { AppError } from "../domain/errors.ts";
import { type Outcome, requireValue } from "../domain/outcome.ts";
import type { AuditLog } from "../domain/ports/audit-log.ts";
import type { RandomBytes } from "../domain/ports/clock.ts";
import type { Log } from "../domain/ports/log.ts";
import type { Metrics } from "../domain/ports/metrics.ts";
import type { AuditCounters } from "./memory/audit-counters.ts";

export interface AuditLogOptions {
  /** The `AuditLog` object of that chain. */
  readonly find: (chain: string) => AuditLogObject;
  /** One per isolate. */
  readonly counters: AuditCounters;
  readonly metrics: Pick<Metrics, "count">;
  /** Lets work outlive the response. */
  readonly defer: (work: Promise<unknown>) => void;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: RandomBytes;
  readonly log: Log;
}

/** How long repeats are gathered in an isolate before they are sent: one hop a second, however many calls. */
const GATHER_MS = 900;
const TRIES = 2;

/**
 * The log kept by `AuditLog` objects, one per chain.
 *
 * `record` has the object's word that the event is on disk, or says in the log that it has not. An answer that was lost
 * on its way makes it ask again, under the same key, so that the event is there once. `count` has the same for the first
 * of a key in a minute and keeps nobody waiting for the rest: an isolate that dies takes at most the repeats of its last
 * second with it.
 */
export function createAuditLog(options: AuditLogOptions): AuditLog & AuditHeads & AuditDrain {
  return {
    record: async (chain, entry) => {
      const key = createEntryKey(options.random);
      await deliver((object) => object.append(chain, [entry], key), options, chain);
    },
    recordOnce: async (chain, key, entry) => {
      const refusal = await tellTwice((object) => object.append(chain, [entry], key), options, chain);
      if (refusal !== "invalid_request") return refusal === null;
      // It will never be taken, however often it is told.
      reportLoss(options, chain, refusal);
      return true;
    },
    count: async (chain, key, entry) => {
      const { counters, defer, nowMs } = options;
      if (counters.isFirst(chain, key, entry, nowMs())) return sendFirst(options, chain, { key, entry, times: 1 });
      if (counters.claimDrain(nowMs())) defer(options.sleep(GATHER_MS).then(() => drain(options)));
    },
    drain: (chain) => drain(options, chain),
    settle: async (chain) => {
      await drain(options, chain);
      try {
        return requireValue(await options.find(chain).flush());
      } catch {
        throw new AppError("database_unavailable", "The audit log is not complete at the moment; try again.");
      }
    },
    memory: (chain, after, limit) => ask(() => options.find(chain).memory(after, limit)),
    anchor: async (chain, to) => requireValue(await ask(() => options.find(chain).anchor(chain, to))),
    cleared: (chain, seq) => ask(() => options.find(chain).cleared(seq)),
  };
}

/** Asks the object; whatever keeps it from answering is an outage to the caller. */
async function ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch {
    throw new AppError("database_unavailable", "The audit log did not answer; try again.");
  }
}

async function sendFirst(options: AuditLogOptions, chain: string, first: CountedEntry): Promise<void> {
  const sentAtMs = options.nowMs();
  const sent = send(options, chain, [first]);
  // A caller who leaves does not take it along.
  options.defer(sent);
  if (await sent) options.counters.confirm(chain, first.key, sentAtMs);
}

async function drain(options: AuditLogOptions, chain?: string): Promise<void> {
  const counted = [...options.counters.drain(chain)];
  await Promise.all(counted.map(([of, entries]) => send(options, of, entries)));
}

function send(options: AuditLogOptions, chain: string, counted: readonly CountedEntry[]): Promise<boolean> {
  const key = createEntryKey(options.random);
  return deliver((object) => object.count(chain, counted, key), options, chain);
}

/** Tells the object, or says in the log that it could not; answers whether it has its word. Never throws. */
async function deliver(tell: Telling, options: AuditLogOptions, chain: string): Promise<boolean> {
  const refusal = await tellTwice(tell, options, chain);
  if (refusal !== null) reportLoss(options, chain, refusal);
  return refusal === null;
}

type Telling = (object: AuditLogObject) => Promise<Outcome<unknown>>;

/** Tells the object, once more when it does not answer; null = it has it, otherwise why not. Never throws. */
async function tellTwice(tell: Telling, options: AuditLogOptions, chain: string): Promise<string | null> {
  for (let triesLeft = TRIES; triesLeft > 0; triesLeft--) {
    try {
      // A stub that has failed stays broken, so each try finds its own.
      const outcome = await tell(options.find(chain));
      return outcome.ok ? null : outcome.code;
    } catch {
      // What is lost is one try; after the last of them the caller is told, without the entry.
    }
  }
  return "unreachable";
}

function reportLoss({ log, metrics }: AuditLogOptions, chain: string, reason: string): void {
  metrics.count("aurora_audit_losses_total", {});
  log.error("an audit event was lost", { chain, reason });
}
