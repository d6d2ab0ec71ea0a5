import type { UsageMemory } from "../../domain/usage.ts";

const TABLES = `
  create table if not exists usage_reads (
    who text not null, hour integer not null, reads integer not null, primary key (who, hour)
  ) strict;
  create table if not exists usage_keys (key text primary key, first_seen_ms integer not null) strict;
  create table if not exists usage_networks (
    key text not null, network text not null, seen_ms integer not null, primary key (key, network)
  ) strict;
  create table if not exists usage_connects (
    who text not null, request text not null, at_ms integer not null, primary key (who, request)
  ) strict;
  create table if not exists usage_roles (
    user text primary key, at_ms integer not null, role text not null, reads integer not null
  ) strict;
  create table if not exists usage_alarms (
    who text not null, kind text not null, at_ms integer not null, primary key (who, kind)
  ) strict;
`;
const HOUR_MS = 3_600_000;

/** The habits of a chain's principals, in the object's own SQLite. */
export function createUsageMemory(sql: SqlStorage): UsageMemory {
  sql.exec(TABLES);
  const number = (query: string, ...params: (string | number)[]) =>
    sql.exec<{ value: number | null }>(query, ...params).toArray()[0]?.value ?? null;

  return {
    addReads: (who, hour, times) =>
      number(
        `insert into usage_reads values (?1, ?2, ?3)
          on conflict do update set reads = reads + ?3 returning reads as value`,
        ...[who, hour, times],
      ) ?? times,
    busiestHour: (who, from, until) =>
      number(
        "select max(reads) as value from usage_reads where who = ? and hour >= ? and hour < ?",
        who,
        from,
        until,
      ) ?? 0,
    firstReadHour: (who) => number("select min(hour) as value from usage_reads where who = ?", who),
    networks: (key, sinceMs) => ({
      firstSeenMs: number("select first_seen_ms as value from usage_keys where key = ?", key),
      known: sql
        .exec<{ network: string }>("select network from usage_networks where key = ? and seen_ms >= ?", key, sinceMs)
        .toArray()
        .map(({ network }) => network),
    }),
    keepNetwork: (key, network, atMs) => {
      sql.exec("insert or ignore into usage_keys values (?, ?)", key, atMs);
      sql.exec("insert or replace into usage_networks values (?, ?, ?)", key, network, atMs);
    },
    addConnect: (who, request, atMs, sinceMs) => {
      sql.exec("delete from usage_connects where at_ms < ?", sinceMs);
      sql.exec("insert or ignore into usage_connects values (?, ?, ?)", who, request, atMs);
      return number("select count(*) as value from usage_connects where who = ?", who) ?? 0;
    },
    keepRoleChange: (user, atMs, role) =>
      void sql.exec("insert or replace into usage_roles values (?, ?, ?, 0)", user, atMs, role),
    addReadsSinceRole: (user, sinceMs, times) =>
      sql
        .exec<{ role: string; atMs: number; reads: number }>(
          `update usage_roles set reads = reads + ?3 where user = ?1 and at_ms >= ?2
            returning role, at_ms as "atMs", reads`,
          ...[user, sinceMs, times],
        )
        .toArray()[0] ?? null,
    lastAlarmMs: (who, kind) => number("select at_ms as value from usage_alarms where who = ? and kind = ?", who, kind),
    keepAlarm: (who, kind, atMs) =>
      void sql.exec("insert or replace into usage_alarms values (?, ?, ?)", who, kind, atMs),
    forgetBefore: (atMs) => {
      sql.exec("delete from usage_reads where hour < ?", Math.floor(atMs / HOUR_MS));
      sql.exec("delete from usage_networks where seen_ms < ?", atMs);
      // A key that was not seen for so long is learnt anew.
      sql.exec("delete from usage_keys where key not in (select key from usage_networks)");
      for (const table of ["usage_connects", "usage_roles", "usage_alarms"]) {
        sql.exec(`delete from ${table} where at_ms < ?`, atMs);
      }
    },
  };
}
