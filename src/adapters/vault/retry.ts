import { AppError } from "../../domain/errors.ts";
import { exchange, type VaultAnswer, type VaultCall, type VaultConnection } from "./exchange.ts";

/** All tries of one call and the waits between them; callers of a token wait no longer than 10 s altogether. */
const BUDGET_MS = 2000;
/** With less left, another try could not be answered over a real network. */
const SHORTEST_TRY_MS = 100;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 800;

/**
 * Sends a call until an answer decides it, with full jitter between tries, for at most 2 s.
 *
 * A repeated try of a write is safe here: every write to the store either names the version it follows (`cas`) or says the
 * same twice. A `cas` write that took effect and lost its answer comes back as a mismatch with `repeated` set.
 *
 * @throws `vault_unavailable` when no try was answered in time.
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export async function exchangeWithin(
  connection: VaultConnection,
  call: VaultCall,
  token: string | null,
): Promise<VaultAnswer> {
  const deadline = connection.now() + BUDGET_MS;
  for (let tries = 0; ; tries++) {
    const answer = await exchange(connection, call, token, Math.max(deadline - connection.now(), SHORTEST_TRY_MS));
    if (answer) return { ...answer, repeated: tries > 0 };
    const waitMs = connection.random() * Math.min(FIRST_WAIT_MS * 2 ** tries, LONGEST_WAIT_MS);
    if (connection.now() + waitMs + SHORTEST_TRY_MS > deadline) throw createUnavailable();
    await connection.sleep(waitMs);
  }
}

function createUnavailable(): AppError {
  return new AppError("vault_unavailable", "The secret store does not answer or is sealed. Try again shortly.");
}
