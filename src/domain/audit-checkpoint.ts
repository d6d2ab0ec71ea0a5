import type { ChainHead, Checkpoint } from "./audit-chain.ts";
import type { EpochSeconds } from "./time.ts";

/** Events from one checkpoint to the next: what is rehashed as a whole is located this exactly. */
export const CHECKPOINT_INTERVAL = 1000;

/** True for the event whose hash the log remembers and signs. */
export function isCheckpointSeq(seq: number): boolean {
  return seq % CHECKPOINT_INTERVAL === 0;
}

/** The text that is signed: what it is, the chain, the number, the hash and the time, each on a line of its own. */
export function checkpointMessage(chain: string, { seq, hash, at }: Pick<Checkpoint, "seq" | "hash" | "at">): string {
  return ["aurora-edge audit checkpoint v1", chain, seq, hash, at, ""].join("\n");
}

/** True when two places of a chain are the same one. */
export function isSamePlace(one: ChainHead, other: ChainHead): boolean {
  return one.seq === other.seq && one.hash === other.hash;
}

export function isSameCheckpoint(one: Checkpoint, other: Checkpoint): boolean {
  return (
    isSamePlace(one, other) && one.at === other.at && one.keyId === other.keyId && one.signature === other.signature
  );
}

/** Younger events are never pruned, whatever is asked; Postgres itself keeps those of 29 days. */
export const MIN_AUDIT_RETENTION_DAYS = 30;
const DAY_SECONDS = 86_400;

/** The time before which events may be pruned: the one asked for, or an earlier one when that is too young. */
export function pruneBefore(now: EpochSeconds, olderThan: EpochSeconds): EpochSeconds {
  return Math.min(olderThan, now - MIN_AUDIT_RETENTION_DAYS * DAY_SECONDS) as EpochSeconds;
}
