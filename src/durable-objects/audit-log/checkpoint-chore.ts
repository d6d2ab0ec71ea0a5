import { requireCheckpointKey } from "../../services/audit/checkpoint-keys.ts";
import { storeCheckpoints } from "../../services/audit/store-checkpoints.ts";
import type { Deps } from "../../services/deps.ts";
import type { SqlCheckpoints } from "./checkpoints.ts";
import type { Chore } from "./chore.ts";
import type { SqlOutbox } from "./outbox.ts";

interface CheckpointChoreOptions {
  readonly checkpoints: SqlCheckpoints;
  readonly outbox: Pick<SqlOutbox, "chain" | "flushedSeq">;
  /** Found only when there is something to sign; may throw. */
  readonly deps: () => Deps;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** Signs the checkpoints whose events Postgres has; `sign` does so whether or not it is due. */
export function createCheckpointChore({ checkpoints, outbox, deps, nowMs }: CheckpointChoreOptions): CheckpointChore {
  const dueMs = (soonMs: number) => checkpoints.dueMs(soonMs, outbox.flushedSeq());
  let signing: Promise<void> | null = null;

  async function sign(): Promise<void> {
    // One at a time. What was marked while an earlier one was under way may not be among its.
    await signing?.catch(() => undefined);
    signing ??= storeCheckpoints({
      book: { ...checkpoints, chain: outbox.chain },
      store: () => deps().auditCheckpoints,
      requireKey: () => requireCheckpointKey(deps()),
      nowMs,
    }).finally(() => {
      signing = null;
    });
    await signing;
  }

  return {
    name: "sign checkpoints",
    dueMs,
    run: async () => {
      if (dueMs(nowMs()) <= nowMs()) await sign();
    },
    sign,
  };
}

interface CheckpointChore extends Chore {
  sign(): Promise<void>;
}
