import type { AuditPruning } from "../../domain/audit-chain.ts";
import type { Database } from "./database.ts";
import { timeParameter } from "./row.ts";
import { sql } from "./statement.ts";

/** Old events in Postgres. Deleting is a definer function's: the Worker's role itself may not. */
export function createAuditPruning(database: Database): AuditPruning {
  return {
    lastBefore: async (scope, before) => {
      const [rows = []] = await database.as(
        scope,
        sql`select coalesce(
            (select seq - 1 from audit_events
              where workspace_id = ${scope.workspaceId} and at >= ${timeParameter(before)} order by seq limit 1),
            (select max(seq) from audit_events where workspace_id = ${scope.workspaceId}),
            0) as last`,
      );
      return Number(rows[0]?.["last"]);
    },
    deleteUpTo: async (scope, seq, limit) => {
      const [rows = []] = await database.as(scope, sql`select prune_audit_events(${seq}, ${limit}) as deleted`);
      return Number(rows[0]?.["deleted"]);
    },
  };
}
