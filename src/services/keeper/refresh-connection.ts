import type { ConnectionBinding } from "../../domain/connection.ts";
import { AppError, isAppError } from "../../domain/errors.ts";
import { isDue, isExpired } from "../../domain/freshness.ts";
import type { RefreshAnswer } from "../../domain/ports/keepers.ts";
import type { StoredSecret } from "../../domain/ports/secret-store.ts";
import { type Credential, credentialOf } from "../../domain/token-data.ts";
import { isRefreshable, lacksCredential } from "../../providers/provider.ts";
import { adoptStored } from "./adopt-stored.ts";
import { callProvider } from "./call-provider.ts";
import { finishEarlierTry } from "./finish-earlier-try.ts";
import {
  exposedFields,
  holdsCredential,
  type Keeper,
  openRecord,
  placeOf,
  rememberCredential,
  requireConnected,
  requireRecord,
} from "./keeper.ts";
import type { KeeperRecord } from "./keeper-state.ts";
import { recordTrouble } from "./record-failure.ts";

/** Callers wait this long; the call itself runs on, so that a slow provider's rotated token is not thrown away. */
export const CALLER_WAIT_MS = 10_000;

/**
 * A credential with life left. However many ask, the provider is asked once.
 *
 * @param force Ask the provider even when the stored one has life left.
 * @throws as `Keepers.refresh`.
 */
export async function refreshConnection(
  keeper: Keeper,
  binding: ConnectionBinding,
  force: boolean,
): Promise<RefreshAnswer> {
  openRecord(keeper, binding);
  try {
    return await withinCallerWait(keeper, force ? joinForced(keeper) : joinRun(keeper, false));
  } finally {
    // A disconnect meanwhile wins, over an answer and over any other refusal.
    requireConnected(keeper);
  }
}

/** Joins the run under way or starts one. Input gates do not cover `fetch`, so sharing must be explicit. */
export function joinRun(keeper: Keeper, force: boolean): Promise<RefreshAnswer> {
  if (keeper.underWay.refresh !== null) return keeper.underWay.refresh.answer;
  const answer = run(keeper, force).finally(() => {
    keeper.underWay.refresh = null;
  });
  keeper.underWay.refresh = { force, answer };
  return answer;
}

/** A run that was not forced may find enough life left and not ask the provider; then a forced one does. */
async function joinForced(keeper: Keeper): Promise<RefreshAnswer> {
  for (let joined = keeper.underWay.refresh; joined !== null && !joined.force; joined = keeper.underWay.refresh) {
    // What stopped that run, e.g. a pause after a failure, need not stop a forced one.
    const answer = await joined.answer.catch(() => null);
    if (answer?.refreshed) return answer;
  }
  return joinRun(keeper, true);
}

async function run(keeper: Keeper, force: boolean): Promise<RefreshAnswer> {
  const escrowed = await finishEarlierTry(keeper);
  if (escrowed !== null) return { credential: escrowed, refreshed: false };
  const record = requireConnected(keeper);
  if (record.status === "reauth_required") throw new AppError("reauth_required", "Connect this account again.");
  const stored = await readStored(keeper, record);
  // A secret was stored while we read: what we read is not the newest any more.
  if (hasChanged(keeper, record)) return run(keeper, force);
  if (stored.kind === "cached") return { credential: stored.credential, refreshed: false };
  const credential = credentialOf(stored.data, stored.version, exposedFields(keeper, record.binding));
  rememberCredential(keeper, credential, stored.data);
  if (!isNeeded(keeper, stored, credential, force)) {
    await adoptStored(keeper, stored);
    return { credential: keeper.underWay.fallback ?? credential, refreshed: false };
  }
  const answer = await renew(keeper, stored, credential, force);
  return answer ?? run(keeper, false);
}

function hasChanged(keeper: Keeper, before: KeeperRecord): boolean {
  const { erasure, escrow, grant } = requireRecord(keeper);
  return erasure !== null || escrow !== null || grant !== before.grant;
}

type Stored =
  | (StoredSecret & { readonly kind: "stored" })
  | { readonly kind: "cached"; readonly credential: Credential };

/** The newest secret; while the store is away the cached copy of the newest version, as long as it lives. */
async function readStored(keeper: Keeper, { binding, version }: KeeperRecord): Promise<Stored> {
  try {
    const stored = await keeper.deps.secrets.read(placeOf(keeper, binding));
    if (stored !== null) return { kind: "stored", ...stored };
  } catch (error) {
    const cached = version === null ? null : await keeper.deps.credentialCache.read(binding, version);
    if (cached === null || cached === "rejected" || !isAppError(error)) throw error;
    if (isExpired(cached, keeper.deps.now()) || !holdsCredential(keeper, cached.tokenData)) throw error;
    return { kind: "cached", credential: cached };
  }
  const gone = new AppError("reauth_required", "Its secret is gone; connect this account again.");
  // Not taken for the end of the grant: who deleted it in the store can bring it back there.
  if (requireRecord(keeper).erasure === null) await recordTrouble(keeper, gone);
  throw gone;
}

/** Due, forced, left unfinished by a crash, or what the alarm was set for. */
function isNeeded(keeper: Keeper, stored: StoredSecret, credential: Credential, force: boolean): boolean {
  const { binding, version, intent, status, dueAt } = requireRecord(keeper);
  const provider = keeper.deps.providers.find(binding.provider);
  const now = keeper.deps.now();
  if (provider === null || !isRefreshable(provider, stored.data)) return false;
  if (force || isDue(credential, now) || lacksCredential(provider, stored.data)) return true;
  if (intent?.version === stored.version) return true;
  return stored.version === version && (status === "degraded" || (dueAt !== null && dueAt <= now));
}

async function renew(
  keeper: Keeper,
  stored: StoredSecret,
  credential: Credential,
  force: boolean,
): Promise<RefreshAnswer | null> {
  try {
    if (!force) requireRetryAllowed(keeper);
    return await callProvider(keeper, stored);
  } catch (error) {
    if (!holdsCredential(keeper, stored.data)) throw error;
    return oldWhileItLives(keeper, credential, error);
  }
}

/** After a failed try the provider is left alone until the backoff is over. */
function requireRetryAllowed(keeper: Keeper): void {
  const { heldOffUntil } = requireRecord(keeper);
  const now = keeper.deps.now();
  if (heldOffUntil === null || heldOffUntil <= now) return;
  throw new AppError("provider_unavailable", "The provider did not renew the credential; a new try follows.", {
    retryAfterSeconds: heldOffUntil - now,
  });
}

/** A failed refresh is no failure for the caller while the old credential works. */
function oldWhileItLives(keeper: Keeper, credential: Credential, error: unknown): RefreshAnswer {
  const isTransient = isAppError(error) && error.code !== "reauth_required" && error.code !== "not_found";
  if (!isTransient || isExpired(credential, keeper.deps.now())) throw error;
  return { credential, refreshed: false };
}

async function withinCallerWait(keeper: Keeper, answer: Promise<RefreshAnswer>): Promise<RefreshAnswer> {
  const first = await Promise.race([answer, keeper.deps.sleep(CALLER_WAIT_MS)]);
  if (first !== undefined) return first;
  const slow = new AppError("provider_unavailable", "The provider is slow to renew the credential; try again.");
  const { fallback } = keeper.underWay;
  if (fallback === null) throw slow;
  return oldWhileItLives(keeper, fallback, slow);
}
