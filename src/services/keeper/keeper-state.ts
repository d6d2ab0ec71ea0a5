import type { AuditEntry } from "../../domain/audit-event.ts";
import type { ConnectionBinding, ConnectionStatus } from "../../domain/connection.ts";
import type { ConnectionStore, ConsentFacts } from "../../domain/ports/connection-store.ts";
import type { Disconnector } from "../../domain/ports/keepers.ts";
import type { EpochSeconds } from "../../domain/time.ts";
import type { UnrevokedGrant } from "../try-revocation.ts";

/** A call to the provider that has begun. One left behind by a crash means: nobody knows what the provider did. */
export interface Intent {
  readonly grant: string | null;
  /** The version of the secret the call was made with. */
  readonly version: number;
  readonly startedAt: EpochSeconds;
}

/** A secret that has reached us and is not yet everywhere it belongs. There is one at most: the newest. */
export interface Escrow {
  /** Distinguishes this escrow from the one before it. */
  readonly id: string;
  /**
   * `consent`: a person brought it, it replaces everything. `refresh`: it continues its grant.
   * `found`: the store holds it already, written by another client of the same store, and only the rest must learn of it.
   */
  readonly kind: "consent" | "refresh" | "found";
  /** Null when another system wrote it, which knows no grants. */
  readonly grant: string | null;
  /** The whole secret, sealed for this connection. */
  readonly sealed: string;
  /** The version it was made from, which `cas` names; null = read it first. */
  readonly cas: number | null;
  /** Set once the secret store has it. */
  readonly writtenVersion: number | null;
  readonly obtainedAt: EpochSeconds;
  readonly facts: ConsentFacts | null;
}

/** What Postgres has yet to be told of a failure. */
export type UntoldFailure = Parameters<ConnectionStore["recordFailure"]>[1];

/** Something the keeper did that the audit log may not have heard of. */
export interface UnrecordedDeed {
  /** Under which the log is told, so that telling it again records it once. */
  readonly key: string;
  readonly entry: AuditEntry;
}

/** A disconnect: from here on nothing is written any more, and what is left is erased. */
export interface Erasure {
  readonly by: Disconnector;
  readonly rowGone: boolean;
  /** What revokes the grant was set aside, if there was anything. */
  readonly grantAside: boolean;
  readonly secretGone: boolean;
  /** The grant the provider has yet to end; null = none. */
  readonly unrevoked: UnrevokedGrant | null;
}

/** What a keeper remembers. Nothing in it is usable without the sealing keys. */
export interface KeeperRecord {
  readonly binding: ConnectionBinding;
  /** The newest consent's grant; a refresh of another grant is dropped. Null until the first is known. */
  readonly grant: string | null;
  /** The version Postgres and the cache were last told of; a newer one in the store was written by somebody else. */
  readonly version: number | null;
  readonly intent: Intent | null;
  readonly escrow: Escrow | null;
  readonly erasure: Erasure | null;
  /** How the connection stands, so that a change is told and audited once. */
  readonly status: ConnectionStatus;
  readonly untold: UntoldFailure | null;
  /** Written with the change they tell of, oldest first; absent = none. */
  readonly unrecorded?: readonly UnrecordedDeed[];
  /** When to refresh without being asked; null = never. */
  readonly dueAt: EpochSeconds | null;
  /** Failed tries in a row, and when the alarm tries again; null = nothing has failed. */
  readonly failures: number;
  readonly retryAt: EpochSeconds | null;
  /** Until when the provider, which failed, is left alone unless `force` asks; a store that fails delays no one. */
  readonly heldOffUntil: EpochSeconds | null;
}

/**
 * A keeper's own storage. Reads and writes are synchronous, so no other call can come between a read and the write
 * that follows it, and the platform holds back answers and outbound calls until a write is durable.
 */
export interface KeeperState {
  /** Null before the first call. */
  read(): KeeperRecord | null;
  write(record: KeeperRecord): void;
  /** Forgets everything, the alarm too: nothing of this keeper is left in storage. */
  clear(): void;
  /** Wakes the keeper at `atMs` (milliseconds since the epoch), replacing an earlier alarm. */
  wakeAt(atMs: number): void;
}

export function newRecord(binding: ConnectionBinding): KeeperRecord {
  return {
    binding,
    grant: null,
    version: null,
    intent: null,
    escrow: null,
    erasure: null,
    status: "active",
    untold: null,
    dueAt: null,
    failures: 0,
    retryAt: null,
    heldOffUntil: null,
  };
}
