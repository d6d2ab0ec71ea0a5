import { requireChain } from "../../domain/audit-chain.ts";
import { type Purge, RETENTION_KINDS, type RetentionLine, type RetentionStore } from "../../domain/retention.ts";
import type { SecretRef } from "../../domain/secret-ref.ts";
import { toBinding } from "./connection-row.ts";
import type { Database, Row } from "./database.ts";
import { readText, readTime } from "./row.ts";
import { sql } from "./statement.ts";

/** The purge in Postgres: definer functions alone, since the Worker's role may delete nothing. */
export function createRetentionStore(database: Database): RetentionStore {
  return {
    plan: async (auditDays) => {
      const [rows = []] = await database.enter(sql`select * from plan_retention(${auditDays})`);
      return rows.flatMap(toLine);
    },
    purgeRows: async (kind, limit) => {
      const [rows] = await database.enter(sql`select purge_retired(${kind}, ${limit}) as purged`);
      return Number(rows?.[0]?.["purged"]);
    },
    leaseConnections: async (limit, leaseSeconds) => {
      const [rows = []] = await database.enter(sql`select * from lease_retired_connections(${limit}, ${leaseSeconds})`);
      return rows.map(toBinding);
    },
    purgeConnections: async (ids) => {
      const [rows] = await database.enter(sql`select purge_connections(${ids}::text[]) as purged`);
      return Number(rows?.[0]?.["purged"]);
    },
    takePurges: async (limit, leaseSeconds) => {
      const [rows = []] = await database.enter(sql`select * from take_purges(${limit}, ${leaseSeconds})`);
      return rows.map(toPurge);
    },
    forgetPurges: async (entries) => {
      await database.enter(sql`select forget_purges(${entries}::text[])`);
    },
    listUnknownSecrets: async (refs) => {
      const [rows = []] = await database.enter(sql`select * from list_unknown_secrets(${refs}::text[]) as secret_ref`);
      return rows.map((row) => readText(row, "secret_ref") as SecretRef);
    },
  };
}

/** A kind this version does not know yet is left to the version that does. */
function toLine(row: Row): readonly RetentionLine[] {
  const kind = RETENTION_KINDS.find((known) => known === row["kind"]);
  if (kind === undefined) return [];
  const workspaceId = requireChain(readText(row, "workspace_id"));
  const times = { oldest: readTime(row, "oldest"), olderThan: readTime(row, "older_than") };
  return [{ kind, workspaceId, count: Number(row["count"]), ...times }];
}

function toPurge(row: Row): Purge {
  return {
    kind: readText(row, "kind"),
    workspaceId: readText(row, "workspace_id"),
    count: Number(row["count"]),
    ids: readTexts(row["ids"]),
    olderThan: readTime(row, "older_than"),
    entries: readTexts(row["entries"]),
  };
}

function readTexts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
