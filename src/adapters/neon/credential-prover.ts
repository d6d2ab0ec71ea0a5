import type { Connection } from "../../domain/connection.ts";
import { type ConnectionId, requireId, type UserId } from "../../domain/ids.ts";
import type { CredentialProver, ProvenKey, ProvenKubectlToken, ProvenSession } from "../../domain/ports/identity.ts";
import { toConnection } from "./connection-row.ts";
import { selectConnection } from "./connections.ts";
import type { Database, Row } from "./database.ts";
import { readNullableText, readNullableTime, readText } from "./row.ts";
import { type Statement, sql } from "./statement.ts";
import { toPermissions, toRole, toUser } from "./user-row.ts";

/**
 * Proves credentials by definer functions and makes whom they prove the row-level-security context of the batch.
 * What follows sees that caller's rows; after a failed proof there is no context, and so no rows.
 */
export function createCredentialProver(database: Database): CredentialProver {
  return {
    proveSession: async (sessionId, userId, alongside) => {
      const proof = sql`select proven.*, set_config('myapp.current_user_id', proven.user_id, true) as user_in_context,
          set_config('myapp.current_workspace_id', proven.workspace_id, true) as workspace_in_context
        from prove_session(${sessionId}, ${userId}) as proven`;
      const [proven, connections] = await database.enter(proof, ...selectAlongside(alongside));
      const row = proven?.[0];
      return row ? { proven: toProvenSession(row), connection: firstConnection(connections) } : null;
    },
    proveKey: async (keyHash, actAs, alongside) => {
      const proof = sql`select proven.*, set_config('myapp.current_user_id', proven.principal_id, true)
            as user_in_context,
          set_config('myapp.current_workspace_id', proven.workspace_id, true) as workspace_in_context
        from prove_api_key(${keyHash}) as proven`;
      const [proven, users, connections] = await database.enter(proof, actAsUser(actAs), ...selectAlongside(alongside));
      const [row, user] = [proven?.[0], users?.[0]];
      if (!row) return null;
      return {
        proven: toProvenKey(row),
        actingUser: user ? toUser(user) : null,
        connection: firstConnection(connections),
      };
    },
    proveKubectlToken: async (tokenHash, alongside) => {
      const proof = sql`select proven.*, set_config('myapp.current_user_id', proven.id, true) as user_in_context,
          set_config('myapp.current_workspace_id', proven.workspace_id, true) as workspace_in_context
        from prove_kubectl_token(${tokenHash}) as proven`;
      const [proven, connections] = await database.enter(proof, ...selectAlongside(alongside));
      const row = proven?.[0];
      return row ? { proven: toProvenKubectlToken(row), connection: firstConnection(connections) } : null;
    },
  };
}

function selectAlongside(id: ConnectionId | null): readonly Statement[] {
  return id === null ? [] : [selectConnection(id)];
}

/** Reads an active user of the key's workspace and goes on as that user. The service decides whether the key may. */
function actAsUser(id: UserId | null): Statement {
  return sql`select id, workspace_id, email, name, role, is_active, created_at, updated_at,
      set_config('myapp.current_user_id', id, true) as user_in_context
    from users
    where id = ${id} and is_active and workspace_id = current_setting('myapp.current_workspace_id', true)`;
}

function firstConnection(rows: readonly Row[] | undefined): Connection | null {
  return rows?.[0] ? toConnection(rows[0]) : null;
}

function toProvenSession(row: Row): ProvenSession {
  return {
    userId: requireId("usr", row["user_id"]),
    workspaceId: requireId("wsp", row["workspace_id"]),
    email: readText(row, "email"),
    name: readNullableText(row, "name"),
    role: toRole(row["role"]),
  };
}

function toProvenKey(row: Row): ProvenKey {
  return {
    keyId: requireId("key", row["id"]),
    principalId: requireId("key", row["principal_id"]),
    workspaceId: requireId("wsp", row["workspace_id"]),
    serviceName: readText(row, "service_name"),
    permissions: toPermissions(row["permissions"]),
    expiresAt: readNullableTime(row, "expires_at"),
  };
}

function toProvenKubectlToken(row: Row): ProvenKubectlToken {
  return {
    tokenId: requireId("kct", row["id"]),
    workspaceId: requireId("wsp", row["workspace_id"]),
    clusterName: readText(row, "cluster_name"),
    expiresAt: readNullableTime(row, "expires_at"),
  };
}
