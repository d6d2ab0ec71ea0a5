import type { Connection, ConnectionBinding } from "../connection.ts";
import type { ConnectionId } from "../ids.ts";
import type { Credential } from "../token-data.ts";

/**
 * Sealed copies of usable credentials, keyed by connection and version: an old version is never asked for again.
 * A cache that fails is a miss; no method but `check` throws.
 */
export interface CredentialCache {
  /** The copy of that version; null = none; `rejected` = there was one that did not open for this connection. */
  read(binding: ConnectionBinding, version: number): Promise<Credential | "rejected" | null>;
  /** Skipped when less than 60 seconds of use would be left. */
  write(binding: ConnectionBinding, credential: Credential): Promise<void>;
  purge(binding: ConnectionBinding, version: number): Promise<void>;
  /** Deletes the copies of every version; false when some may be left. */
  purgeAll(id: ConnectionId): Promise<boolean>;
  /** Resolves when the cache answers. */
  check(): Promise<void>;
}

/** An answer of this isolate, with what it takes to give it again. */
export interface HotCredential {
  readonly connection: Connection;
  readonly credential: Credential;
}

/** What an isolate itself answered in the last few seconds. */
export interface HotCredentials {
  /** Keyed by presented credential and effective user, never by connection alone. */
  read(key: HotKey): HotCredential | null;
  /** Taken before anything is read for an answer. */
  begin(): HotStamp;
  /** Not kept when anything was forgotten since the stamp; its age counts from there. */
  write(key: HotKey, answer: HotCredential, stamp: HotStamp): void;
  /** Forgets a connection at once, whoever asked for it. */
  forget(connectionId: string): void;
}

/** When reading for an answer began, and how many changes this isolate had seen by then. */
export interface HotStamp {
  readonly atMs: number;
  readonly changesSeen: number;
}

export interface HotKey {
  readonly fingerprint: string;
  readonly userId: string;
  readonly connectionId: string;
}
