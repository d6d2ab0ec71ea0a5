import { LONGEST_PERIOD_MINUTES, type SecurityCounter } from "../../domain/metric-security.ts";
import type { TallyStore } from "../../services/metrics/tally-events.ts";

const TABLES = `
  create table if not exists tally (
    minute integer not null, counter text not null, times integer not null, primary key (minute, counter)
  ) strict, without rowid;
`;

/** The tally in the object's own SQLite. */
export function createSqlTally({ sql }: DurableObjectStorage): TallyStore {
  sql.exec(TABLES);
  return {
    add: (minute, { counter, times }) => {
      sql.exec("delete from tally where minute <= ?", minute - LONGEST_PERIOD_MINUTES);
      sql.exec(
        "insert into tally values (?1, ?2, ?3) on conflict do update set times = times + ?3",
        minute,
        counter,
        times,
      );
    },
    since: (minute) =>
      sql
        .exec<SqlCount>("select counter, sum(times) as times from tally where minute > ? group by counter", minute)
        .toArray(),
  };
}

type SqlCount = { counter: SecurityCounter; times: number };
