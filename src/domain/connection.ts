import type { ConnectionId, OwnerId, WorkspaceId } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import type { SecretRef } from "./secret-ref.ts";
import type { EpochSeconds } from "./time.ts";

/**
 * `active → degraded → reauth_required`, back to `active` by a success or a reconnect.
 * `connecting` rows hold a name until the first secret is written; nobody is shown one.
 */
export type ConnectionStatus = "active" | "degraded" | "reauth_required";
export const CONNECTION_STATUSES = [
  "active",
  "degraded",
  "reauth_required",
] as const satisfies readonly ConnectionStatus[];

/** One account at one provider: the reference to its secret, never the secret. */
export interface Connection {
  readonly id: ConnectionId;
  readonly workspaceId: WorkspaceId;
  readonly ownerId: OwnerId;
  readonly provider: string;
  readonly account: string;
  readonly label: string | null;
  readonly status: ConnectionStatus | "connecting";
  readonly shared: boolean;
  readonly scopes: readonly string[];
  /** What a provider wants remembered besides its secret, e.g. a subscription's name. Never a secret. */
  readonly metadata: JsonObject;
  readonly secretRef: SecretRef;
  /** The version of the secret in the store; 0 while `connecting`. */
  readonly version: number;
  readonly issuedAt: EpochSeconds | null;
  readonly expiresAt: EpochSeconds | null;
  /** When what the person gave ends, which no refresh mends (a client secret); null when nobody said. */
  readonly credentialExpiresAt: EpochSeconds | null;
  readonly lastRefreshedAt: EpochSeconds | null;
  readonly lastError: string | null;
  readonly createdAt: EpochSeconds;
  readonly updatedAt: EpochSeconds;
}

/** True when a token can be read from it. */
export function isUsable({ status }: Pick<Connection, "status">): boolean {
  return status === "active" || status === "degraded";
}

/** What a keeper must know to write a connection: travels with every call, so that an alarm needs no caller. */
export interface ConnectionBinding {
  readonly id: ConnectionId;
  readonly workspaceId: WorkspaceId;
  readonly ownerId: OwnerId;
  readonly provider: string;
  readonly secretRef: SecretRef;
}

export function bindingOf(connection: Connection): ConnectionBinding {
  const { id, workspaceId, ownerId, provider, secretRef } = connection;
  return { id, workspaceId, ownerId, provider, secretRef };
}
