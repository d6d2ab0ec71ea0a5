import type { Connection } from "../../domain/connection.ts";
import type { SetupOrder, SetupStep } from "../../domain/gcp-setup.ts";
import type { Scope } from "../../domain/principal.ts";
import type { CallGoogle } from "../../providers/google/call.ts";
import type { Deps } from "../deps.ts";

export type SetupDeps = Pick<
  Deps,
  "audit" | "connections" | "gcpSetups" | "keepers" | "log" | "now" | "send" | "sha256" | "sleep"
>;

/** How long a step is tried again: `usual` for calls to Google, `long` for what must be written down in the end. */
export type Patience = "usual" | "long";

/**
 * What makes steps durable: each runs once to its end, is tried again when it throws, and is not run again after a
 * restart. What a step answers is stored, so it is references, never a secret.
 */
export interface StepRunner {
  /** @param work Throws to be tried again; `isLast` says that it will not be. */
  run<Answer>(
    name: string,
    patience: Patience,
    work: (attempt: { readonly isLast: boolean }) => Promise<Answer>,
  ): Promise<Answer>;
}

/** One attempt under way. */
export interface SetupRun {
  readonly deps: SetupDeps;
  readonly order: SetupOrder;
  readonly runner: StepRunner;
}

/** Where a piece of work belongs. */
export interface Piece {
  readonly step: SetupStep;
  /** Tells the pieces of a step apart, e.g. a project's id; null when it is the only one. */
  readonly part: string | null;
  /** 0 to 100, when it begins. */
  readonly progress: number;
}

/** What a piece of work has at hand: Google, as the account, and the connection as it is now. */
export interface AtWork {
  readonly call: CallGoogle;
  readonly connection: Connection;
  /** Tells that the work goes on, while it waits for Google. */
  readonly beat: () => Promise<void>;
}

/** `refused`: this piece failed and trying again will not mend it; the sentence says why. */
export type StepOutcome<Value> =
  | { readonly kind: "done"; readonly value: Value }
  | { readonly kind: "refused"; readonly message: string };

/** `superseded`: the connection is gone or another attempt runs. `reauth_required`: only a person can mend that. */
export type HaltReason = "superseded" | "reauth_required";

/** Ends an attempt from anywhere. */
export class SetupHalt extends Error {
  override readonly name = "SetupHalt";
  readonly reason: HaltReason;

  constructor(reason: HaltReason) {
    super(`the set-up was halted: ${reason}`);
    this.reason = reason;
  }
}

/**
 * The connection as it is now, and whose it is: it may have been handed over since the attempt began.
 *
 * @throws SetupHalt when it is gone.
 */
export async function findConnection({
  deps,
  order,
}: Pick<SetupRun, "deps" | "order">): Promise<{ readonly connection: Connection; readonly scope: Scope }> {
  const starter = { userId: order.ownerId, workspaceId: order.workspaceId };
  const connection = await deps.connections.find(starter, order.connectionId);
  if (connection === null) throw new SetupHalt("superseded");
  return { connection, scope: { userId: connection.ownerId, workspaceId: connection.workspaceId } };
}
