import type { AuditEventStore, AuditQuery, AuditRow, ChainedEvent } from "../../domain/audit-chain.ts";
import type { AuditEvent } from "../../domain/audit-event.ts";
import { scopeOfChain } from "../../domain/audit-scope.ts";
import type { JsonObject } from "../../domain/json.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Database, Row } from "./database.ts";
import { type Statement, sql } from "./statement.ts";

/** The log in Postgres. The Worker's role may add and read rows of the workspace in context, nothing else. */
export function createAuditEvents(database: Database): AuditEventStore {
  return {
    insert: async (chain, events) => {
      const given = renderEvents(events);
      const statements = [insertEvents(chain, given), selectTaken(chain, given)];
      const [, rows = []] = await database.as(scopeOfChain(chain), ...statements);
      return rows.map(({ seq }) => Number(seq));
    },
    list: async (scope, query) => {
      const [rows = []] = await database.as(scope, selectEvents(scope, query));
      return rows.map(toEvent);
    },
    rows: async (scope, after, limit) => {
      const [rows = []] = await database.as(scope, selectRows(scope, after, limit));
      return rows.map(toRow);
    },
    lastSeq: async (scope) => {
      const [rows = []] = await database.as(
        scope,
        sql`select coalesce(max(seq), 0) as last from audit_events where workspace_id = ${scope.workspaceId}`,
      );
      return Number(rows[0]?.["last"]);
    },
  };
}

/** As one parameter, whatever their number. */
function renderEvents(events: readonly ChainedEvent[]): string {
  return JSON.stringify(events.map(({ seq, text, prevHash, hash }) => ({ seq, text, prev_hash: prevHash, hash })));
}

/** The columns are taken from the very text that was hashed; `offset 0` has it read once, not once a column. */
function insertEvents(chain: string, given: string): Statement {
  return sql`insert into audit_events
      (workspace_id, seq, at, action, outcome, actor, resource, ip, request_id, detail, prev_hash, hash, event)
    select ${chain}, (event->>'seq')::bigint, (event->>'at')::timestamptz, event->>'action', event->>'outcome',
      event->'actor', nullif(event->'resource', 'null'::jsonb), event->>'ip', event->>'request_id', event->'detail',
      given.prev_hash, given.hash, given.text
    from jsonb_to_recordset(${given}::jsonb) as given (text text, prev_hash text, hash text),
      lateral (select given.text::jsonb as event offset 0) as parsed
    order by (event->>'seq')::bigint
    on conflict do nothing`;
}

/** One look at the primary key for each: a join would read the whole chain while its statistics are behind. */
function selectTaken(chain: string, given: string): Statement {
  return sql`select given.seq
    from jsonb_to_recordset(${given}::jsonb) as given (seq bigint, text text, hash text)
    where (
      select stored.hash = given.hash and stored.event = given.text
      from audit_events as stored
      where stored.workspace_id = ${chain} and stored.seq = given.seq) is not true
    order by given.seq`;
}

function selectEvents(scope: Scope, { after, limit, action, actor }: AuditQuery): Statement {
  return sql`select seq, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') as at, action, outcome, actor,
      resource, ip, request_id, detail, hash
    from audit_events
    where workspace_id = ${scope.workspaceId} and seq > ${after}
      and (${action}::text is null or action = ${action})
      and (${actor}::text is null or actor->>'id' = ${actor} or actor->>'via' = ${actor})
    order by seq limit ${limit}`;
}

function selectRows(scope: Scope, after: number, limit: number): Statement {
  return sql`select seq, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') as at, action, outcome, actor,
      resource, ip, request_id, detail, hash, prev_hash, event
    from audit_events
    where workspace_id = ${scope.workspaceId} and seq > ${after}
    order by seq limit ${limit}`;
}

/** What we wrote is an event; a row somebody else wrote is shown as it is. */
function toEvent(row: Row): AuditEvent {
  return { ...toColumns(row), hash: row["hash"] } as AuditEvent;
}

function toRow(row: Row): AuditRow {
  return {
    seq: Number(row["seq"]),
    text: String(row["event"]),
    prevHash: String(row["prev_hash"]),
    hash: String(row["hash"]),
    columns: toColumns(row),
  };
}

function toColumns(row: Row): JsonObject {
  return {
    seq: Number(row["seq"]),
    at: toMilliseconds(row["at"]),
    action: row["action"],
    outcome: row["outcome"],
    actor: row["actor"],
    resource: row["resource"],
    ip: row["ip"],
    request_id: row["request_id"],
    detail: row["detail"],
  };
}

/** We write milliseconds; a time with more was written by somebody else and stays visible as that. */
function toMilliseconds(at: unknown): string {
  return `${String(at).replace(/000$/, "")}Z`;
}
