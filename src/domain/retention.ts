import { MIN_AUDIT_RETENTION_DAYS } from "./audit-checkpoint.ts";
import type { ConnectionBinding } from "./connection.ts";
import type { SecretRef } from "./secret-ref.ts";
import type { EpochSeconds } from "./time.ts";

/** Kinds whose row is all there is. */
const ROW_KINDS = ["sessions", "users", "api_keys", "kubectl_tokens", "webhook_deliveries", "webhooks"] as const;
export type RowKind = (typeof ROW_KINDS)[number];
/**
 * What is purged, in the order it is: a connection is taken apart by its keeper, an audit chain is proven and signed before
 * it is pruned, the rest are rows. How old each must be at least is said in the database, where the Worker cannot change it.
 */
export const RETENTION_KINDS = ["connections", ...ROW_KINDS, "audit_events"] as const;
export type RetentionKind = (typeof RETENTION_KINDS)[number];

/** For how many days audit events are kept: an operator's choice, never less than the least. */
export const AUDIT_RETENTION_DAYS = { default: 365, min: MIN_AUDIT_RETENTION_DAYS, max: 3650 } as const;

/** What may be purged of one kind in one workspace. */
export interface RetentionLine {
  readonly kind: RetentionKind;
  /** Or the name of the chain of unauthenticated events. */
  readonly workspaceId: string;
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
  /** Everything that may be purged now, added up; audit events older than `auditDays`. Changes nothing. */
  plan(auditDays: number): Promise<readonly RetentionLine[]>;
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
