import { scopeOfChain } from "../../domain/audit-scope.ts";
import { readId, requireId } from "../../domain/ids.ts";
import type { LiveCredential, LiveCredentials } from "../../domain/ports/alerts.ts";
import type { Database, Row } from "./database.ts";
import { readNullableTime } from "./row.ts";
import { sql } from "./statement.ts";
import { toPermissions, toRole } from "./user-row.ts";

/** Credentials in Postgres, asked for by the audit log itself: nobody's session is its own, so a definer function tells. */
export function createLiveCredentials(database: Database): LiveCredentials {
  return {
    list: async (workspaceId, ids, users) => {
      const [credentials = [], people = []] = await database.as(
        scopeOfChain(workspaceId),
        sql`select id, user_id, role, permissions, expires_at from list_live_credentials(${ids}::text[])`,
        sql`select id, role from users
          where id = any (${users}::text[]) and is_active and workspace_id = ${workspaceId}`,
      );
      return {
        credentials: credentials.map(toLiveCredential),
        roles: new Map(people.map((row) => [requireId("usr", row["id"]), toRole(row["role"])])),
      };
    },
  };
}

function toLiveCredential(row: Row): LiveCredential {
  const userId = readId("usr", row["user_id"]);
  return {
    id: readId("ses", row["id"]) ?? requireId("key", row["id"]),
    user: userId === null ? null : { id: userId, role: toRole(row["role"]) },
    permissions: toPermissions(row["permissions"]),
    expiresAt: readNullableTime(row, "expires_at"),
  };
}
