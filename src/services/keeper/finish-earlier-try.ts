import { isAppError } from "../../domain/errors.ts";
import { isExpired } from "../../domain/freshness.ts";
import type { Credential } from "../../domain/token-data.ts";
import { presumeCredential } from "./escrow.ts";
import { holdsCredential, type Keeper, openSecret, requireConnected } from "./keeper.ts";
import { settleEscrow } from "./settle-escrow.ts";

/**
 * Finishes what an earlier try left in escrow. While the stores are away the escrowed credential itself is the answer;
 * null once it is where it belongs, or when there was none.
 *
 * @throws `vault_unavailable` or `database_unavailable` once the escrowed credential has expired.
 */
export async function finishEarlierTry(keeper: Keeper): Promise<Credential | null> {
  const { escrow, retryAt } = requireConnected(keeper);
  if (escrow === null) return null;
  // The stores failed a moment ago: asking them again is the alarm's work, and callers need not wait for it.
  const isAlarmSet = retryAt !== null && retryAt > keeper.deps.now();
  const escrowed = isAlarmSet ? await readEscrowed(keeper) : null;
  if (escrowed !== null) return escrowed;
  try {
    await settleEscrow(keeper);
    return null;
  } catch (error) {
    const kept = isAppError(error) ? await readEscrowed(keeper) : null;
    if (kept === null) throw error;
    return kept;
  }
}

/** The credential in escrow, as it stands now; null when there is none, or it has expired or cannot be opened. */
async function readEscrowed(keeper: Keeper): Promise<Credential | null> {
  const { escrow, binding } = requireConnected(keeper);
  const secret = escrow === null ? null : await openSecret(keeper, binding, escrow.sealed);
  if (escrow === null || secret === null || !holdsCredential(keeper, secret)) return null;
  const credential = presumeCredential(keeper, escrow, secret);
  return isExpired(credential, keeper.deps.now()) ? null : credential;
}
