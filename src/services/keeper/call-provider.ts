import type { ConnectionBinding } from "../../domain/connection.ts";
import { AppError, isAppError } from "../../domain/errors.ts";
import { createId } from "../../domain/ids.ts";
import { type Timing, timeWork } from "../../domain/metric-timing.ts";
import type { RefreshAnswer } from "../../domain/ports/keepers.ts";
import type { StoredSecret } from "../../domain/ports/secret-store.ts";
import { grantOf, type SecretData } from "../../domain/token-data.ts";
import { createProviderContext } from "../provider-context.ts";
import { endGrant, keepForRevocation } from "./end-grant.ts";
import { createEscrow, presumeCredential } from "./escrow.ts";
import { type Keeper, placeOf, rememberCredential, requireRecord, updateRecord } from "./keeper.ts";
import { PROVIDER_TIMEOUT_SECONDS, setNextAlarm } from "./next-alarm.ts";
import { recordRefusal, recordTrouble } from "./record-failure.ts";
import { settleEscrow } from "./settle-escrow.ts";

/** A call to the provider: with which secret, under which grant. */
interface ProviderCall {
  readonly stored: StoredSecret;
  readonly grant: string;
  /** True when an earlier call with the same secret was left behind: nobody knows what the provider did with it. */
  readonly isSecondTry: boolean;
}

/**
 * Asks the provider for a fresh secret and puts its answer in escrow before anything else happens.
 *
 * @returns null when a newer secret came meanwhile, or a disconnect: look again.
 * @throws `reauth_required` when the grant is dead; `provider_unavailable` or `provider_rejected` when this try failed.
 */
export async function callProvider(keeper: Keeper, stored: StoredSecret): Promise<RefreshAnswer | null> {
  const { binding, intent } = requireRecord(keeper);
  const grant = grantOf(stored.data) ?? createId("grt", keeper.deps.random);
  const call = { stored, grant, isSecondTry: intent?.version === stored.version };
  const startedAt = keeper.deps.now();
  updateRecord(keeper, { grant, intent: { grant, version: stored.version, startedAt }, retryAt: null });
  setNextAlarm(keeper);
  let fresh: SecretData;
  try {
    fresh = await askProvider(keeper, binding, stored.data);
  } catch (error) {
    if (!isAppError(error)) throw error;
    if (isOutdated(keeper, call)) return null;
    if (error.code === "reauth_required") return acceptRefusal(keeper, call, error);
    await recordTrouble(keeper, error);
    throw error;
  }
  return keepAnswer(keeper, call, fresh);
}

async function askProvider(keeper: Keeper, binding: ConnectionBinding, secret: SecretData): Promise<SecretData> {
  const provider = keeper.deps.providers.find(binding.provider);
  if (provider?.refresh == null) throw new AppError("provider_rejected", "This provider cannot renew a credential.");
  const scope = { userId: binding.ownerId, workspaceId: binding.workspaceId };
  const context = await createProviderContext(keeper.deps, provider, scope);
  const send = (request: Request) => context.send(request, { timeoutMs: PROVIDER_TIMEOUT_SECONDS * 1000 });
  const { refresh } = provider;
  return timeWork(
    keeper.deps.nowMs,
    () => refresh(secret, { ...context, send }),
    (timing) => countRefresh(keeper, binding.provider, timing),
  );
}

function countRefresh({ deps }: Keeper, provider: string, { seconds, error }: Timing): void {
  const isRefused = isAppError(error) && error.code === "reauth_required";
  const outcome = error === null ? "renewed" : isRefused ? "refused" : "failed";
  deps.metrics.count("aurora_refreshes_total", { provider, outcome });
  deps.metrics.observe("aurora_refresh_duration_seconds", { provider }, seconds);
}

/** Seals the answer into the escrow; from here on it survives a crash and callers can be answered. */
async function keepAnswer(keeper: Keeper, call: ProviderCall, fresh: SecretData): Promise<RefreshAnswer | null> {
  const { stored, grant } = call;
  const obtainedAt = keeper.deps.now();
  const secret = { ...fresh, grant, issued_at: obtainedAt };
  const escrow = await createEscrow(keeper, { kind: "refresh", grant, obtainedAt, cas: stored.version }, secret);
  const record = requireRecord(keeper);
  if (record.erasure?.grantAside) {
    // The grant is being ended by an older token, which need not know of this one; nobody will ever hold it.
    keepForRevocation(keeper, record.erasure, escrow.sealed);
    await endGrant(keeper);
    return null;
  }
  // A reconnect came between: its secret is the newest, ours is dropped, not revoked.
  if (record.grant !== grant) return null;
  // After a disconnect it is kept as well: nothing writes it any more, but it is the one to revoke.
  updateRecord(keeper, { intent: null, escrow, failures: 0, retryAt: null, heldOffUntil: null });
  setNextAlarm(keeper);
  const credential = presumeCredential(keeper, escrow, secret);
  if (record.erasure === null) rememberCredential(keeper, credential, secret);
  await settleQuietly(keeper);
  // Settling may have found, or brought, a newer one.
  return { credential: keeper.underWay.fallback ?? credential, refreshed: true };
}

/** The stores being away is no reason to keep the caller from a credential that is safe in escrow. */
async function settleQuietly(keeper: Keeper): Promise<void> {
  try {
    await settleEscrow(keeper);
  } catch (error) {
    if (!isAppError(error)) throw error;
  }
}

/** `invalid_grant`: somebody else may have renewed the secret between our read and our call; what they stored is good. */
async function acceptRefusal(keeper: Keeper, call: ProviderCall, refusal: AppError): Promise<null> {
  const { version } = call.stored;
  const newestVersion = await readNewestVersion(keeper, call);
  if (isOutdated(keeper, call)) return null;
  if (newestVersion !== null && newestVersion !== version) {
    updateRecord(keeper, { intent: null });
    return null;
  }
  await recordRefusal(keeper, version, call.isSecondTry ? "outcome_unknown" : "grant_refused");
  throw refusal;
}

async function readNewestVersion(keeper: Keeper, call: ProviderCall): Promise<number | null> {
  try {
    const newest = await keeper.deps.secrets.read(placeOf(keeper, requireRecord(keeper).binding));
    return newest?.version ?? null;
  } catch (error) {
    // Without the store nobody knows whether the grant is dead: not sure enough to end it, and no reason to ask again at once.
    if (isAppError(error) && !isOutdated(keeper, call)) await recordTrouble(keeper, error);
    throw error;
  }
}

function isOutdated(keeper: Keeper, { grant }: ProviderCall): boolean {
  const record = requireRecord(keeper);
  return record.erasure !== null || record.grant !== grant;
}
