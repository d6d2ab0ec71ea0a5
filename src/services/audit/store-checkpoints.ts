import type { AuditCheckpointStore, ChainHead, Checkpoint } from "../../domain/audit-chain.ts";
import { checkpointMessage } from "../../domain/audit-checkpoint.ts";
import { type SigningKey, signText } from "../../domain/ed25519.ts";

/** What a log remembers of its checkpoints. Every method is one step that cannot be half done. */
export interface CheckpointBook {
  /** Whose they are. */
  chain(): string;
  /** Places that nobody has signed, by seq. */
  unsigned(): readonly ChainHead[];
  keepSignature(checkpoint: Checkpoint): void;
  /** Signed ones that Postgres does not have yet, by seq. */
  unstored(): readonly Checkpoint[];
  keepStored(checkpoints: readonly Checkpoint[]): void;
  /** How often in a row they could not be signed or stored. */
  failures(): number;
  keepFailures(failures: number, retryAtMs: number): void;
}

export interface StoreCheckpointsDeps {
  readonly book: CheckpointBook;
  /** Found only when there is something to write; may throw, as the store itself. */
  readonly store: () => Pick<AuditCheckpointStore, "insert">;
  /** May throw `vault_unavailable`. */
  readonly requireKey: () => Promise<SigningKey>;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

const FIRST_BACKOFF_MS = 1000;
/** A checkpoint is not urgent: events are numbered, chained and stored without it. */
const MAX_BACKOFF_MS = 600_000;

/**
 * Signs the places the log remembers and brings the checkpoints to Postgres. Callers go one at a time.
 *
 * A signature is kept before it is stored, so that a repeat stores the same one.
 *
 * @throws `vault_unavailable`, `database_unavailable`: what is left stays, with a time to try again.
 */
export async function storeCheckpoints(deps: StoreCheckpointsDeps): Promise<void> {
  const { book, nowMs } = deps;
  try {
    await signPlaces(deps);
    const unstored = book.unstored();
    if (unstored.length > 0) await deps.store().insert(book.chain(), unstored);
    book.keepStored(unstored);
  } catch (error) {
    const failures = book.failures();
    book.keepFailures(failures + 1, nowMs() + Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS));
    throw error;
  }
  if (book.failures() > 0) book.keepFailures(0, 0);
}

async function signPlaces({ book, requireKey, nowMs }: StoreCheckpointsDeps): Promise<void> {
  const unsigned = book.unsigned();
  if (unsigned.length === 0) return;
  const key = await requireKey();
  for (const { seq, hash } of unsigned) {
    const at = new Date(nowMs()).toISOString();
    const signature = await signText(key, checkpointMessage(book.chain(), { seq, hash, at }));
    book.keepSignature({ seq, hash, at, keyId: key.kid, signature });
  }
}
