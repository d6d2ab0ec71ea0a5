import type { Connection, ConnectionBinding, ConnectionStatus } from "../connection.ts";
import type { EndingCredential } from "../credential-end.ts";
import type { ConnectionId, OwnerId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { Page, PageRequest } from "../page.ts";
import type { Scope } from "../principal.ts";
import type { SecretRef } from "../secret-ref.ts";
import type { EpochSeconds } from "../time.ts";

/** A name and a row for a connection that is about to be made. */
export interface Reservation {
  readonly id: ConnectionId;
  readonly provider: string;
  readonly account: string;
  readonly shared: boolean;
  /** As in the facts that follow: the grant counts as live while its secret is still on its way to the store. */
  readonly upstreamAccount: string | null;
  /** The references to try, in order; one that any row holds or ever held is skipped. */
  readonly secretRefs: readonly SecretRef[];
}

/** What a consent says besides the secret. */
export interface ConsentFacts {
  readonly scopes: readonly string[];
  /** SHA-256 (hex) of provider and upstream account; null = not known. */
  readonly upstreamAccount: string | null;
  readonly metadata: JsonObject;
  readonly shared: boolean | null;
}

/** What Postgres learns of a secret that was written. */
export interface SecretRecord {
  readonly version: number;
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds | null;
  readonly refreshDueAt: EpochSeconds | null;
  /** When what the person gave ends; a change of it begins the warnings anew. */
  readonly credentialExpiresAt: EpochSeconds | null;
  /** When the secret came from a refresh; null when it came from a person. */
  readonly refreshedAt: EpochSeconds | null;
  /** Null for a refresh, which leaves them as they are. */
  readonly consent: ConsentFacts | null;
}

/** A page of connections; null = any. */
export interface ConnectionQuery extends PageRequest {
  readonly provider: string | null;
  readonly status: ConnectionStatus | null;
}

/**
 * References in Postgres, under row-level security: one's own, and the workspace's shared ones.
 * Every method throws `database_unavailable` when Postgres does not answer. `connecting` rows are never shown.
 */
export interface ConnectionStore {
  find(scope: Scope, id: ConnectionId): Promise<Connection | null>;
  /** Oldest first. @throws `invalid_request` when `after` is not a `next` of an earlier page. */
  list(scope: Scope, query: ConnectionQuery): Promise<Page<Connection>>;
  /** Everything live the scope's user owns, one that is still being connected included; oldest first. */
  listOwned(scope: Scope): Promise<readonly Connection[]>;
  /** Those a token may be read from: own before shared, then newest first. `account` null = any. */
  listReadable(scope: Scope, provider: string, account: string | null): Promise<readonly Connection[]>;
  /** The live connection of that owner, provider and account, or a new `connecting` row (its `version` is 0). */
  reserve(scope: Scope, reservation: Reservation): Promise<Connection>;
  update(
    scope: Scope,
    id: ConnectionId,
    change: { shared?: boolean | undefined; label?: string | null | undefined },
  ): Promise<Connection | null>;
  /** True when `id` once was this owner's and is gone. */
  wasDisconnected(scope: Scope, id: ConnectionId): Promise<boolean>;
  /** Hands a connection to another owner in the same workspace. */
  handOver(scope: Scope, id: ConnectionId, to: OwnerId): Promise<boolean>;
  /** Status becomes `active`. False when the row is gone: the connection was disconnected meanwhile. */
  recordSecret(binding: ConnectionBinding, record: SecretRecord): Promise<boolean>;
  /** False when the row is gone. `refreshDueAt` null: the sweep leaves it alone. */
  recordFailure(
    binding: ConnectionBinding,
    failure: {
      readonly status: ConnectionStatus;
      readonly lastError: string;
      readonly refreshDueAt: EpochSeconds | null;
    },
  ): Promise<boolean>;
  /** Soft-deletes the row: unreadable at once. Doing it again succeeds. */
  disconnect(binding: ConnectionBinding): Promise<void>;
  /** Whether another live connection, in any workspace, holds the same upstream grant. */
  hasOtherLiveGrant(binding: ConnectionBinding): Promise<boolean>;
  /** Whether any live connection, in any workspace, holds the grant of that upstream account (SHA-256 in hex). */
  isGrantLive(scope: Scope, provider: string, upstreamAccount: string): Promise<boolean>;
  /** Connections past due that nobody leased; leases them for `leaseSeconds`. */
  leaseDue(limit: number, leaseSeconds: number): Promise<readonly ConnectionBinding[]>;
  /**
   * Connections of every workspace whose credential has come within one of `days` of its end, in no
   * order; those that end soonest when there are more than `limit`. No call brings them again until fewer days are left.
   */
  takeEndingCredentials(days: readonly number[], limit: number): Promise<readonly EndingCredential[]>;
  /** The workspace's own external id for AWS roles. */
  readAwsExternalId(scope: Scope): Promise<string>;
  /** Resolves when the database answers. */
  check(): Promise<void>;
}
