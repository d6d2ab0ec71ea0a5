import type { Family, MetricBatch } from "../../domain/metric-series.ts";
import type { HeardSender, MetricLedger } from "../../services/metrics/metric-totals.ts";

const TABLES = `
  create table if not exists families (name text primary key, shape text not null, series text not null) strict;
  create table if not exists batches (
    id integer primary key autoincrement, at_ms integer not null, sender text not null, seq integer not null,
    families text not null
  ) strict;
  create table if not exists senders (id integer primary key check (id = 1), heard text not null) strict;
`;

/** The ledger in the object's own SQLite. */
export function createSqlLedger(storage: DurableObjectStorage): MetricLedger {
  const { sql } = storage;
  sql.exec(TABLES);

  return {
    append: ({ sender, seq, families }, atMs) => {
      const text = JSON.stringify(families);
      sql.exec("insert into batches (at_ms, sender, seq, families) values (?, ?, ?, ?)", atMs, sender, seq, text);
    },
    batches: () =>
      Array.from(sql.exec<SqlBatch>("select * from batches order by id"), ({ at_ms, sender, seq, families }) => ({
        batch: { sender, seq, families: JSON.parse(families) as MetricBatch["families"] },
        atMs: at_ms,
      })),
    families: () =>
      Array.from(sql.exec<SqlFamily>("select * from families"), ({ name, shape, series }) => ({
        name,
        shape,
        series: JSON.parse(series) as Family["series"],
      })),
    senders: () => {
      const [row] = sql.exec<{ heard: string }>("select heard from senders").toArray();
      return row === undefined ? [] : (JSON.parse(row.heard) as readonly HeardSender[]);
    },
    fold: (families, senders) =>
      storage.transactionSync(() => {
        const names = JSON.stringify(families.map(({ name }) => name));
        sql.exec("delete from families where name not in (select value from json_each(?))", names);
        for (const { name, shape, series } of families) {
          const text = JSON.stringify(series);
          // A family that did not change costs no write.
          const same = "select 1 from families where name = ? and shape = ? and series = ?";
          if (sql.exec(same, name, shape, text).toArray().length > 0) continue;
          sql.exec("insert or replace into families values (?, ?, ?)", name, shape, text);
        }
        sql.exec("insert or replace into senders values (1, ?)", JSON.stringify(senders));
        sql.exec("delete from batches");
      }),
  };
}

type SqlBatch = { id: number; at_ms: number; sender: string; seq: number; families: string };
type SqlFamily = { name: string; shape: string; series: string };
