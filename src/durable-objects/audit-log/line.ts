import type { AuditEntry } from "../../domain/audit-event.ts";
import { type AppendDeps, appendAuditEvents, appendRepeats } from "../../services/audit/append-audit-events.ts";
import type { Chore } from "./chore.ts";
import type { SqlOutbox } from "./outbox.ts";

/** What numbers and chains, one after the other: hashing yields, so calls would interleave without it. */
export interface Line {
  /** Runs when everything before it has; behind it come the events of what its own have shown to be abnormal. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Records the repeats of minutes that are over. */
  recordRepeats(): Promise<void>;
  readonly chore: Chore;
}

/** @param takeAbnormal What the events so far have shown, each answered once. */
export function createLine(
  append: AppendDeps,
  outbox: Pick<SqlOutbox, "repeatsDueMs">,
  takeAbnormal: () => readonly AuditEntry[],
): Line {
  let end: Promise<unknown> = Promise.resolve();

  function run<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = end.then(async () => {
      const result = await work();
      await appendAuditEvents(append, takeAbnormal());
      return result;
    });
    end = turn.catch(() => undefined);
    return turn;
  }

  const recordRepeats = () => run(() => appendRepeats(append));
  const chore = { name: "record what a minute has counted", dueMs: () => outbox.repeatsDueMs(), run: recordRepeats };
  return { run, recordRepeats, chore };
}
