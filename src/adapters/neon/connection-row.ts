import { CONNECTION_STATUSES, type Connection, type ConnectionBinding } from "../../domain/connection.ts";
import type { EndingCredential } from "../../domain/credential-end.ts";
import { type ConnectionId, type OwnerId, requireId, requireOwnerId, type WorkspaceId } from "../../domain/ids.ts";
import { isJsonObject } from "../../domain/json.ts";
import type { Scope } from "../../domain/principal.ts";
import type { SecretRef } from "../../domain/secret-ref.ts";
import type { Row } from "./database.ts";
import { readNullableText, readNullableTime, readText, readTime } from "./row.ts";

/** The connection in a row of `user_tokens`. */
export function toConnection(row: Row): Connection {
  const scopes = row["scopes"];
  const metadata = row["metadata"];
  return {
    ...toBinding(row),
    account: readText(row, "account"),
    label: readNullableText(row, "label"),
    status: CONNECTION_STATUSES.find((status) => status === row["status"]) ?? "connecting",
    shared: row["shared"] === true,
    scopes: Array.isArray(scopes) ? scopes.map(String) : [],
    metadata: isJsonObject(metadata) ? metadata : {},
    version: Number(row["version"]),
    issuedAt: readNullableTime(row, "issued_at"),
    expiresAt: readNullableTime(row, "expires_at"),
    credentialExpiresAt: readNullableTime(row, "credential_expires_at"),
    lastRefreshedAt: readNullableTime(row, "last_refreshed_at"),
    lastError: readNullableText(row, "last_error"),
    createdAt: readTime(row, "created_at"),
    updatedAt: readTime(row, "updated_at"),
  };
}

/** The binding in a row that has at least its columns. */
export function toBinding(row: Row): ConnectionBinding {
  const id: ConnectionId = requireId("con", row["id"]);
  const workspaceId: WorkspaceId = requireId("wsp", row["workspace_id"]);
  const ownerId: OwnerId = requireOwnerId(row["owner_id"]);
  return {
    id,
    workspaceId,
    ownerId,
    provider: readText(row, "provider"),
    // Parsed by its grammar where it is used: a row edited by hand must read as absent, not fail a list.
    secretRef: readText(row, "secret_ref") as SecretRef,
  };
}

export function toEndingCredential(row: Row): EndingCredential {
  return {
    connectionId: requireId("con", row["id"]),
    workspaceId: requireId("wsp", row["workspace_id"]),
    provider: readText(row, "provider"),
    expiresAt: readTime(row, "credential_expires_at"),
    days: Number(row["days"]),
  };
}

/** A keeper writes as the owner, whoever asked it to. */
export function ownerScope(binding: ConnectionBinding): Scope {
  return { userId: binding.ownerId, workspaceId: binding.workspaceId };
}
