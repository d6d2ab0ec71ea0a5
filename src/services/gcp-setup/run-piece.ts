import { isAppError } from "../../domain/errors.ts";
import { stepNumber } from "../../domain/gcp-setup.ts";
import { openGoogleSession } from "./google-session.ts";
import {
  type AtWork,
  findConnection,
  type HaltReason,
  type Piece,
  SetupHalt,
  type SetupRun,
  type StepOutcome,
} from "./setup-run.ts";

/** What a durable step answers: a halt as data, since a thrown one would be tried again. */
type Stored<Value> = StepOutcome<Value> | { readonly kind: "halted"; readonly reason: HaltReason };

/**
 * Runs one piece of work as a durable step, with a credential asked for anew.
 *
 * @throws SetupHalt when the attempt must end. Anything else it throws is the runner's own, and is not to be caught.
 */
export async function runPiece<Value>(
  run: SetupRun,
  piece: Piece,
  work: (at: AtWork) => Promise<Value>,
): Promise<StepOutcome<Value>> {
  const name = piece.part === null ? piece.step : `${piece.step}: ${piece.part}`;
  const stored = await run.runner.run<Stored<Value>>(name, "usual", async ({ isLast }) => {
    try {
      return { kind: "done", value: await work(await begin(run, piece)) };
    } catch (error) {
      return settle(run, error, isLast, name);
    }
  });
  if (stored.kind === "halted") throw new SetupHalt(stored.reason);
  return stored;
}

async function begin(run: SetupRun, { step, progress }: Piece): Promise<AtWork> {
  const { deps, order } = run;
  const { connection, scope } = await findConnection(run);
  const position = { step: stepNumber(step), progress };
  const beat = async () => {
    const isOurs = await deps.gcpSetups.advance(scope, order.connectionId, order.attempt, position);
    if (!isOurs) throw new SetupHalt("superseded");
  };
  await beat();
  return { call: openGoogleSession(deps, connection), connection, beat };
}

/** What a failure comes to. @throws the failure itself, to be tried again. */
function settle(run: SetupRun, error: unknown, isLast: boolean, name: string): Stored<never> {
  if (error instanceof SetupHalt) return { kind: "halted", reason: error.reason };
  if (isAppError(error)) {
    if (error.code === "reauth_required") return { kind: "halted", reason: "reauth_required" };
    // A keeper says so after a disconnect.
    if (error.code === "not_found") return { kind: "halted", reason: "superseded" };
    if (error.code === "provider_rejected" || isLast) return { kind: "refused", message: error.message };
  }
  if (!isLast) throw error;
  // A bug: the other projects go on, and nothing of it is shown.
  run.deps.log.error("a step of a set-up failed", { step: name });
  return { kind: "refused", message: "Something went wrong here; the operator's log says where." };
}
