import { DurableObject } from "cloudflare:workers";
import type { Bindings } from "../bindings.ts";
import { createDeps, nowMs } from "../deps.ts";
import {
  type AuditLogObject,
  type ChainedEvent,
  type ChainHead,
  type CountedEntry,
  EMPTY_CHAIN,
  parseAuditEntry,
  requireChain,
} from "../domain/audit-chain.ts";
import type { AuditEntry } from "../domain/audit-event.ts";
import { toHex } from "../domain/ids.ts";
import { type Outcome, toOutcome } from "../domain/outcome.ts";
import {
  type AppendDeps,
  type AuditOutbox,
  appendAuditEvents,
  appendRepeats,
  countAuditEvents,
  endOfMinuteMs,
  type Repeats,
} from "../services/audit/append-audit-events.ts";
import {
  FLUSH_DELAY_MS,
  type FlushOutbox,
  flushAuditEvents,
  MAX_BACKOFF_MS,
} from "../services/audit/flush-audit-events.ts";

/**
 * One per chain: a workspace's, or the one of unauthenticated events. It alone numbers and chains, one call at a time,
 * and keeps each event in its own storage until Postgres has it.
 */
export class AuditLog extends DurableObject<Bindings> implements AuditLogObject {
  readonly #outbox: SqlOutbox;
  readonly #append: AppendDeps;
  /** The end of the line: hashing yields, so calls would interleave without it. */
  #line: Promise<unknown> = Promise.resolve();
  #flushing: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#outbox = createSqlOutbox(ctx.storage);
    this.#append = { outbox: this.#outbox, sha256, nowMs };
  }

  append(chain: string, entries: readonly AuditEntry[]): Promise<Outcome<ChainHead>> {
    return this.#write(chain, () => appendAuditEvents(this.#append, entries));
  }

  count(chain: string, counted: readonly CountedEntry[]): Promise<Outcome<ChainHead>> {
    return this.#write(chain, () => countAuditEvents(this.#append, counted));
  }

  async pending(after: number, limit: number): Promise<readonly ChainedEvent[]> {
    return this.#outbox.pending(after, limit);
  }

  async head(): Promise<ChainHead> {
    return this.#outbox.head();
  }

  flush(): Promise<Outcome<ChainHead>> {
    return toOutcome(async () => {
      await this.#inLine(() => appendRepeats(this.#append));
      const head = this.#outbox.head();
      // A flush that was under way may have taken its last look before the newest event came.
      const isWaiting = () => this.#outbox.pending(0, 1).some(({ seq }) => seq <= head.seq);
      while (isWaiting()) await this.#flushOnce();
      return head;
    });
  }

  override async alarm(): Promise<void> {
    // Set first: the platform gives up after a few throws, and a crash must not leave events lying here.
    await this.ctx.storage.setAlarm(nowMs() + MAX_BACKOFF_MS);
    try {
      await this.#inLine(() => appendRepeats(this.#append));
      await this.#flushOnce();
    } catch {
      // Nothing is lost: the events stay in the outbox, and the alarm below tries again.
      console.error(JSON.stringify({ message: "the audit outbox could not be flushed" }));
    }
    const dueMs = this.#outbox.dueMs(nowMs() + FLUSH_DELAY_MS);
    await (dueMs === Infinity ? this.ctx.storage.deleteAlarm() : this.ctx.storage.setAlarm(dueMs));
  }

  #write(chain: string, work: () => Promise<ChainHead>): Promise<Outcome<ChainHead>> {
    return toOutcome(async () => {
      // Before the event is kept, so that no crash leaves one behind without an alarm.
      if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(nowMs() + FLUSH_DELAY_MS);
      const head = await this.#inLine(() => {
        this.#outbox.rememberChain(chain);
        return work();
      });
      await this.#schedule();
      return head;
    });
  }

  #inLine<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#line.then(work);
    this.#line = turn.catch(() => undefined);
    return turn;
  }

  /** One flush at a time; everybody who wants one shares it. */
  #flushOnce(): Promise<void> {
    const store = () => createDeps(this.env, this.ctx).auditEvents;
    this.#flushing ??= flushAuditEvents({ outbox: this.#outbox, nowMs, store }).finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  /** Wakes the object when something is due, unless it wakes earlier anyway. */
  async #schedule(): Promise<void> {
    const dueMs = this.#outbox.dueMs(nowMs() + FLUSH_DELAY_MS);
    if (dueMs < ((await this.ctx.storage.getAlarm()) ?? Infinity)) await this.ctx.storage.setAlarm(dueMs);
  }
}

async function sha256(text: string): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

const TABLES = `
  create table if not exists log (
    id integer primary key check (id = 1), chain text not null, seq integer not null, hash text not null,
    failures integer not null, retry_at_ms integer not null
  ) strict;
  create table if not exists outbox (
    seq integer primary key, text text not null, "prevHash" text not null, hash text not null
  ) strict;
  create table if not exists repeats (
    key text primary key, minute integer not null, entry text not null, times integer not null
  ) strict;
  create index if not exists repeats_by_minute on repeats (minute);
  insert or ignore into log values (1, '', ${EMPTY_CHAIN.seq}, '${EMPTY_CHAIN.hash}', 0, 0);
`;

interface SqlOutbox extends AuditOutbox, FlushOutbox {
  rememberChain(chain: string): void;
  /** When something is to be done next; `soonMs` for a flush that nothing delays. Infinity = never. */
  dueMs(soonMs: number): number;
}

/** The outbox in the object's own SQLite. */
function createSqlOutbox(storage: DurableObjectStorage): SqlOutbox {
  const { sql } = storage;
  const log = () => sql.exec<SqlLog>("select chain, seq, hash, failures, retry_at_ms from log").one();
  const minimum = (query: string) => sql.exec<{ least: number | null }>(query).one().least ?? Infinity;
  sql.exec(TABLES);

  return {
    ...createSqlRepeats(sql),
    head: () => ({ seq: log().seq, hash: log().hash }),
    add: (added) =>
      storage.transactionSync(() => {
        for (const { seq, text, prevHash, hash } of added) {
          sql.exec("insert into outbox values (?, ?, ?, ?)", seq, text, prevHash, hash);
          sql.exec("update log set seq = ?, hash = ?", seq, hash);
        }
      }),
    pending: (after, limit) =>
      sql.exec<SqlEvent>("select * from outbox where seq > ? order by seq limit ?", after, limit).toArray(),
    forget: (seq) => void sql.exec("delete from outbox where seq <= ?", seq),
    rememberChain: (chain) => void sql.exec("update log set chain = ?1 where chain <> ?1", requireChain(chain)),
    chain: () => log().chain,
    failures: () => log().failures,
    keepFailures: (failures, retryAtMs) =>
      void sql.exec("update log set failures = ?, retry_at_ms = ?", failures, retryAtMs),
    dueMs: (soonMs) => {
      const isWaiting = minimum("select min(seq) as least from outbox") !== Infinity;
      const flushMs = isWaiting ? Math.max(soonMs, log().retry_at_ms) : Infinity;
      return Math.min(flushMs, endOfMinuteMs(minimum("select min(minute) as least from repeats")));
    },
  };
}

function createSqlRepeats(sql: SqlStorage): SqlRepeats {
  const select = (where: string, ...params: (string | number)[]): Repeats[] =>
    Array.from(sql.exec<SqlCount>(`select * from repeats where ${where}`, ...params), ({ entry, ...counted }) => ({
      ...counted,
      entry: parseAuditEntry(JSON.parse(entry)),
    }));

  return {
    repeats: (key) => select("key = ?", key)[0] ?? null,
    keepRepeats: ({ key, minute, entry, times }) =>
      void sql.exec("insert or replace into repeats values (?, ?, ?, ?)", key, minute, JSON.stringify(entry), times),
    repeatsBefore: (minute, limit) => select("minute < ? limit ?", minute, limit),
    forgetRepeats: (keys) => {
      for (const key of keys) sql.exec("delete from repeats where key = ?", key);
    },
  };
}

type SqlRepeats = Pick<AuditOutbox, "repeats" | "keepRepeats" | "repeatsBefore" | "forgetRepeats">;
type SqlLog = { chain: string; seq: number; hash: string; failures: number; retry_at_ms: number };
type SqlEvent = { seq: number; text: string; prevHash: string; hash: string };
type SqlCount = { key: string; minute: number; entry: string; times: number };
