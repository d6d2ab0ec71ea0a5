import { type ChainedEvent, type ChainHead, EMPTY_CHAIN, requireChain } from "../../domain/audit-chain.ts";
import { parseAuditEntry } from "../../domain/audit-entry.ts";
import { type AuditOutbox, endOfMinuteMs, type Repeats } from "../../services/audit/append-audit-events.ts";
import type { FlushOutbox } from "../../services/audit/flush-audit-events.ts";
import type { RepeatedAction } from "../../services/metrics/tally-events.ts";

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
  create table if not exists recent_keys (id integer primary key, key text not null unique) strict;
  insert or ignore into log values (1, '', ${EMPTY_CHAIN.seq}, '${EMPTY_CHAIN.hash}', 0, 0);
`;

/** Whoever tells again does so within seconds, after a crash within a minute: far fewer keys come in that time. */
const MAX_KEYS = 10_000;

/** What an `AuditLog` object keeps on its own disk. */
export interface SqlOutbox extends AuditOutbox, FlushOutbox {
  rememberChain(chain: string): void;
  /** The last event Postgres has. */
  flushedSeq(): number;
  /** Puts these in the place of everything that waits, and the head behind them. */
  replace(events: readonly ChainedEvent[]): void;
  /** When to bring what waits to Postgres; `soonMs` when nothing delays it. Infinity = nothing waits. */
  flushDueMs(soonMs: number): number;
  /** When the oldest minute of repeats is over. Infinity = there are none. */
  repeatsDueMs(): number;
  /** The repeats that are no events yet, by action. */
  repeatsByAction(): readonly RepeatedAction[];
}

/**
 * The outbox in the object's own SQLite.
 *
 * @param pass Sees the place of each event in the transaction that adds it.
 */
export function createSqlOutbox(storage: DurableObjectStorage, pass: (place: ChainHead) => void): SqlOutbox {
  const { sql } = storage;
  const log = () => sql.exec<SqlLog>("select chain, seq, hash, failures, retry_at_ms from log").one();
  const minimum = (query: string) => sql.exec<{ least: number | null }>(query).one().least ?? Infinity;
  const keep = (events: readonly ChainedEvent[]) => {
    for (const { seq, text, prevHash, hash } of events) {
      sql.exec("insert into outbox values (?, ?, ?, ?)", seq, text, prevHash, hash);
      sql.exec("update log set seq = ?, hash = ?", seq, hash);
      pass({ seq, hash });
    }
  };
  sql.exec(TABLES);

  return {
    ...createSqlRepeats(sql),
    head: () => ({ seq: log().seq, hash: log().hash }),
    add: (added, key) =>
      storage.transactionSync(() => {
        if (key !== null) rememberKey(sql, key);
        keep(added);
      }),
    replace: (events) =>
      storage.transactionSync(() => {
        sql.exec("delete from outbox");
        keep(events);
      }),
    knows: (key) => sql.exec("select id from recent_keys where key = ?", key).toArray().length > 0,
    pending: (after, limit) =>
      sql.exec<SqlEvent>("select * from outbox where seq > ? order by seq limit ?", after, limit).toArray(),
    forget: (seqs) =>
      void sql.exec("delete from outbox where seq in (select value from json_each(?))", JSON.stringify(seqs)),
    rememberChain: (chain) => void sql.exec("update log set chain = ?1 where chain <> ?1", requireChain(chain)),
    chain: () => log().chain,
    failures: () => log().failures,
    keepFailures: (failures, retryAtMs) =>
      void sql.exec("update log set failures = ?, retry_at_ms = ?", failures, retryAtMs),
    flushedSeq: () => Math.min(log().seq, minimum("select min(seq) as least from outbox") - 1),
    flushDueMs: (soonMs) => {
      const isWaiting = minimum("select min(seq) as least from outbox") !== Infinity;
      return isWaiting ? Math.max(soonMs, log().retry_at_ms) : Infinity;
    },
    repeatsDueMs: () => endOfMinuteMs(minimum("select min(minute) as least from repeats")),
    repeatsByAction: () =>
      sql.exec<SqlAction>("select entry ->> 'action' as action, sum(times) as times from repeats group by 1").toArray(),
  };
}

function rememberKey(sql: SqlStorage, key: string): void {
  sql.exec("insert into recent_keys (key) values (?)", key);
  sql.exec("delete from recent_keys where id <= (select max(id) from recent_keys) - ?", MAX_KEYS);
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
type SqlAction = { action: string; times: number };
type SqlCount = { key: string; minute: number; entry: string; times: number };
