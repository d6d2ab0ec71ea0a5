import {
  KnownProjectsSchema,
  SETUP_STATUSES,
  type Setup,
  type SetupOrder,
  SetupResultSchema,
} from "../../domain/gcp-setup.ts";
import { requireId, requireOwnerId } from "../../domain/ids.ts";
import type { GcpSetupStore } from "../../domain/ports/gcp-setups.ts";
import type { Database, Row } from "./database.ts";
import { readText, readTime } from "./row.ts";
import { type Statement, sql } from "./statement.ts";

export function createGcpSetupStore(database: Database): GcpSetupStore {
  return {
    begin: async (scope, id, selection) => {
      const [rows] = await database.as(scope, beginAttempt(id, scope.workspaceId, selection));
      const attempt = rows?.[0]?.["attempt"];
      return attempt === undefined ? null : Number(attempt);
    },
    advance: async (scope, id, attempt, position) =>
      (await database.as(scope, advance(id, attempt, position)))[0]?.length === 1,
    finish: async (scope, id, attempt, end) => (await database.as(scope, finish(id, attempt, end)))[0]?.length === 1,
    find: async (scope, id) => (await database.as(scope, selectThose([id])))[0]?.map(toSetup)[0] ?? null,
    list: async (scope, ids) => (await database.as(scope, selectThose(ids)))[0]?.map(toSetup) ?? [],
    listOwnOpen: async (scope) => (await database.as(scope, selectOwnOpen(scope.userId)))[0]?.map(toSetup) ?? [],
    takeStalled: async (limit, idleSeconds) =>
      (await database.enter(sql`select * from take_stalled_gcp_setups(${limit}, ${idleSeconds})`))[0]?.map(toOrder) ??
      [],
  };
}

/** Compare-and-set on the status: of two beginners one gets a row back. */
function beginAttempt(id: string, workspaceId: string, selection: readonly string[] | null): Statement {
  return sql`insert into gcp_setups (connection_id, workspace_id, selection)
    values (${id}, ${workspaceId}, ${selection}::text[])
    on conflict (connection_id) do update set
      attempt = gcp_setups.attempt + 1, status = 'running', step = 1, progress = 0, selection = excluded.selection,
      projects = case when excluded.selection is null then '[]'::jsonb else gcp_setups.projects end,
      result = null, started_at = now(), heard_at = now()
    where gcp_setups.status <> 'running'
    returning attempt`;
}

function advance(id: string, attempt: number, position: Parameters<GcpSetupStore["advance"]>[3]): Statement {
  return sql`update gcp_setups set step = ${position.step}, progress = ${position.progress}, heard_at = now()
    where connection_id = ${id} and attempt = ${attempt} and status = 'running' returning connection_id`;
}

function finish(id: string, attempt: number, end: Parameters<GcpSetupStore["finish"]>[3]): Statement {
  const { status, result, projects } = end;
  const isWaiting = status === "needs_selection";
  return sql`update gcp_setups set status = ${status}, result = ${JSON.stringify(result)}::jsonb,
      projects = coalesce(${projects === null ? null : JSON.stringify(projects)}::jsonb, projects),
      step = case when ${isWaiting} then step else 7 end, progress = case when ${isWaiting} then progress else 100 end,
      heard_at = now()
    where connection_id = ${id} and attempt = ${attempt} and status in ('running', ${status}) returning connection_id`;
}

function selectThose(ids: readonly string[]): Statement {
  return sql`select * from gcp_setups where connection_id = any(${ids}::text[])`;
}

function selectOwnOpen(ownerId: string): Statement {
  return sql`select s.* from gcp_setups s join user_tokens t on t.id = s.connection_id
    where t.owner_id = ${ownerId} and t.is_active and s.status <> 'success' order by s.started_at desc, s.connection_id`;
}

function toSetup(row: Row): Setup {
  const status = SETUP_STATUSES.find((known) => known === row["status"]);
  if (status === undefined) throw new Error("a set-up has an unknown status");
  return {
    connectionId: requireId("con", row["connection_id"]),
    attempt: Number(row["attempt"]),
    status,
    step: Number(row["step"]),
    progress: Number(row["progress"]),
    projects: KnownProjectsSchema.parse(row["projects"]),
    result: row["result"] === null ? null : SetupResultSchema.parse(row["result"]),
    startedAt: readTime(row, "started_at"),
  };
}

function toOrder(row: Row): SetupOrder {
  const selection = row["selection"];
  return {
    connectionId: requireId("con", readText(row, "connection_id")),
    workspaceId: requireId("wsp", readText(row, "workspace_id")),
    ownerId: requireOwnerId(readText(row, "owner_id")),
    attempt: Number(row["attempt"]),
    selection: Array.isArray(selection) ? selection.map(String) : null,
  };
}
