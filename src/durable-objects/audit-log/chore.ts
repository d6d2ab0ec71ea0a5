import type { Log } from "../../domain/ports/log.ts";

/** Something the log does by itself. */
export interface Chore {
  /** For the operator's log when it fails. */
  readonly name: string;
  /** When it is next due, in ms since 1970; `soonMs` for what nothing delays. Infinity = nothing to do. */
  dueMs(soonMs: number): number;
  /** Does what is due by now, and nothing when nothing is. What fails stays due, at a time the chore chooses. */
  run(): Promise<void>;
}

/** When the first of them is due. */
export function nextDueMs(chores: readonly Chore[], soonMs: number): number {
  return Math.min(...chores.map((chore) => chore.dueMs(soonMs)));
}

/** Does each whatever becomes of the others. */
export async function runChores(chores: readonly Chore[], log: Log): Promise<void> {
  for (const chore of chores) {
    try {
      await chore.run();
    } catch {
      // Nothing is lost: what is left undone is still on disk, and due again. The failure may quote what it choked on.
      log.error("a chore of the audit log failed", { chore: chore.name });
    }
  }
}
