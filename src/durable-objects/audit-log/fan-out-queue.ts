import type { WebhookMessage } from "../../domain/webhook-message.ts";
import type { FanOutQueue } from "../../services/webhooks/fan-out-events.ts";

const TABLES = `
  create table if not exists webhook_events (
    seq integer primary key, event text not null, payload text not null
  ) strict;
  create table if not exists webhook_fan_out (
    id integer primary key check (id = 1), none_until_ms integer not null, expected_until_ms integer not null,
    failures integer not null, retry_at_ms integer not null
  ) strict;
  insert or ignore into webhook_fan_out values (1, 0, 0, 0, 0);
`;

/** Longer than a row needs that was announced before it was written. */
const EXPECTED_MS = 120_000;
/** A workspace that has no webhook is asked about once a day all the same: a restored database knows better. */
const NONE_MS = 86_400_000;

/** What an `AuditLog` object keeps for its workspace's webhooks. */
export interface SqlFanOutQueue extends FanOutQueue {
  add(message: WebhookMessage): void;
  /** A webhook is about to be made: from now on none is not taken for an answer. */
  expect(): void;
  /** True while the workspace is known to have no webhook. */
  knowsNone(): boolean;
  /** When to hand over what waits; `soonMs` when nothing delays it. Infinity = nothing waits. */
  dueMs(soonMs: number): number;
}

/** The queue in the object's own SQLite. @param nowMs Milliseconds since 1970. */
export function createSqlFanOutQueue({ sql }: Pick<DurableObjectStorage, "sql">, nowMs: () => number): SqlFanOutQueue {
  const state = () => sql.exec<SqlState>("select * from webhook_fan_out").one();
  const waiting = (limit: number) =>
    sql.exec<SqlMessage>("select * from webhook_events order by seq limit ?", limit).toArray();
  sql.exec(TABLES);

  return {
    add: ({ seq, event, payload }) =>
      void sql.exec("insert or ignore into webhook_events values (?, ?, ?)", seq, event, payload),
    waiting,
    forget: (seq) => void sql.exec("delete from webhook_events where seq <= ?", seq),
    rememberNone: () => {
      if (state().expected_until_ms > nowMs()) return;
      sql.exec("update webhook_fan_out set none_until_ms = ?", nowMs() + NONE_MS);
    },
    expect: () =>
      void sql.exec("update webhook_fan_out set none_until_ms = 0, expected_until_ms = ?", nowMs() + EXPECTED_MS),
    knowsNone: () => state().none_until_ms > nowMs(),
    failures: () => state().failures,
    keepFailures: (failures, retryAtMs) =>
      void sql.exec("update webhook_fan_out set failures = ?, retry_at_ms = ?", failures, retryAtMs),
    dueMs: (soonMs) => (waiting(1).length === 0 ? Infinity : Math.max(soonMs, state().retry_at_ms)),
  };
}

type SqlState = { none_until_ms: number; expected_until_ms: number; failures: number; retry_at_ms: number };
type SqlMessage = { seq: number; event: string; payload: string };
