import type { ConnectionBinding } from "./connection.ts";
import type { WorkspaceId } from "./ids.ts";
import type { SecretRef } from "./secret-ref.ts";
import type { EpochSeconds } from "./time.ts";

/**
 * What is purged, in the order it is: a connection is taken apart by its keeper, the rest are rows. How old each must be
 * is said in the database alone, where the Worker cannot change it.
 */
export const RETENTION_KINDS = ["connections", "sessions", "users", "api_keys", "kubectl_tokens"] as const;
export type RetentionKind = (typeof RETENTION_KINDS)[number];
/** Kinds whose row is all there is. */
export type RowKind = Exclude<RetentionKind, "connections">;

/** What may be purged of one kind in one workspace. */
export interface RetentionLine {
  readonly kind: RetentionKind;
  readonly workspaceId: WorkspaceId;
  readonly count: number;
  /** When the longest over of them ended. */
  readonly oldest: EpochSeconds;
  /** All of them ended before this. */
  readonly olderThan: EpochSeconds;
}

/** What was purged of one kind in one workspace, and is yet to be told. */
export interface Purge {
  readonly kind: string;
  readonly workspaceId: string;
  readonly count: number;
  /** The first of them; all when there are as many as `count`. */
  readonly ids: readonly string[];
  readonly olderThan: EpochSeconds;
  /** What to forget once it was told. */
  readonly entries: readonly string[];
}

/**
 * What may be purged, over all workspaces. Nothing younger than the database's own ages is ever touched.
 * Every method throws `database_unavailable` when Postgres does not answer; each is safe to repeat, and safe beside another run.
 */
export interface RetentionStore {
  /** Everything that may be purged now, added up; changes nothing. */
  plan(): Promise<readonly RetentionLine[]>;
  /** Deletes up to `limit` rows, longest over first; answers how many. */
  purgeRows(kind: RowKind, limit: number): Promise<number>;
  /** Soft-deleted connections that may be purged and nobody leased; leases them for `leaseSeconds`. */
  leaseConnections(limit: number, leaseSeconds: number): Promise<readonly ConnectionBinding[]>;
  /** Deletes the rows of connections whose secrets are gone; answers how many. */
  purgeConnections(ids: readonly string[]): Promise<number>;
  /** Up to `limit` purges that nobody has told of, also of a run that died; leases them for `leaseSeconds`. */
  takePurges(limit: number, leaseSeconds: number): Promise<readonly Purge[]>;
  forgetPurges(entries: readonly string[]): Promise<void>;
  /** Those of the references that no connection holds, live or soft-deleted. */
  listUnknownSecrets(refs: readonly SecretRef[]): Promise<readonly SecretRef[]>;
}
