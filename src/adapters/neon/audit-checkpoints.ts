import type { AuditCheckpointStore, Checkpoint } from "../../domain/audit-chain.ts";
import { scopeOfChain } from "../../domain/audit-scope.ts";
import type { Database, Row } from "./database.ts";
import { readText } from "./row.ts";
import { sql } from "./statement.ts";

/** The signed checkpoints in Postgres. The Worker's role may add and read rows of the workspace in context, nothing else. */
export function createAuditCheckpoints(database: Database): AuditCheckpointStore {
  return {
    insert: async (chain, checkpoints) => {
      const rows = JSON.stringify(
        checkpoints.map(({ seq, hash, at, keyId, signature }) => ({ seq, hash, at, key_id: keyId, signature })),
      );
      await database.as(
        scopeOfChain(chain),
        sql`insert into audit_checkpoints (workspace_id, seq, hash, at, key_id, signature)
          select ${chain}, given.seq, given.hash, given.at, given.key_id, given.signature
          from jsonb_to_recordset(${rows}::jsonb)
            as given (seq bigint, hash text, at timestamptz, key_id text, signature text)
          on conflict do nothing`,
      );
    },
    list: async (scope, from, limit) => {
      const [rows = []] = await database.as(
        scope,
        sql`select seq, hash, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') as at, key_id, signature
          from audit_checkpoints
          where workspace_id = ${scope.workspaceId} and seq >= ${from}
          order by seq limit ${limit}`,
      );
      return rows.map(toCheckpoint);
    },
  };
}

function toCheckpoint(row: Row): Checkpoint {
  return {
    seq: Number(row["seq"]),
    hash: readText(row, "hash"),
    // We write milliseconds; a time with more was written by somebody else and stays visible as that.
    at: `${readText(row, "at").replace(/000$/, "")}Z`,
    keyId: readText(row, "key_id"),
    signature: readText(row, "signature"),
  };
}
