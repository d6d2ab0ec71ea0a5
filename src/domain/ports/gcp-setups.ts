import type { KnownProject, Setup, SetupEnd, SetupOrder, SetupResult } from "../gcp-setup.ts";
import type { ConnectionId } from "../ids.ts";
import type { Scope } from "../principal.ts";

/** Where an attempt is. */
export interface SetupPosition {
  readonly step: number;
  readonly progress: number;
}

/**
 * How far set-ups are, in Postgres: seen by whoever sees the connection, changed by its owner.
 * Every method throws `database_unavailable` when Postgres does not answer.
 */
export interface GcpSetupStore {
  /**
   * Begins the next attempt, which becomes `running`; its number, or null when one is running already.
   *
   * @param selection Projects a person selected: what was found before is kept. Null: everything begins anew.
   */
  begin(scope: Scope, id: ConnectionId, selection: readonly string[] | null): Promise<number | null>;
  /** Notes a sign of life. False when the attempt is no longer the one running, or the connection is gone. */
  advance(scope: Scope, id: ConnectionId, attempt: number, position: SetupPosition): Promise<boolean>;
  /** Notes the end. False as for `advance`; ending the same attempt the same way again is true. */
  finish(
    scope: Scope,
    id: ConnectionId,
    attempt: number,
    end: { readonly status: SetupEnd; readonly result: SetupResult; readonly projects: readonly KnownProject[] | null },
  ): Promise<boolean>;
  find(scope: Scope, id: ConnectionId): Promise<Setup | null>;
  /** Those of the given connections that have one. */
  list(scope: Scope, ids: readonly ConnectionId[]): Promise<readonly Setup[]>;
  /** Of the scope's own live connections, newest attempt first: those that a selection may go on with, and running ones. */
  listOwnOpen(scope: Scope): Promise<readonly Setup[]>;
  /** Running attempts without a sign of life for so long, in any workspace. They count as heard of now. */
  takeStalled(limit: number, idleSeconds: number): Promise<readonly SetupOrder[]>;
}

/** `alive` includes waiting and paused ones; `ended` those that came to an end in any way. */
export type RunState = "alive" | "ended" | "absent";

/** The Workflow instances behind the attempts. @throws `provider_unavailable` never; any failure is a plain error. */
export interface GcpSetupRuns {
  /** Starts the instance of this attempt. Again: nothing happens. */
  start(order: SetupOrder): Promise<void>;
  state(order: SetupOrder): Promise<RunState>;
  /** Makes an instance go on that a crash of the local runtime left behind. One that is at work is not disturbed. */
  wake(order: SetupOrder): Promise<void>;
}
