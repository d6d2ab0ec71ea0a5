import { credentialEndOf } from "../../domain/credential-end.ts";
import { isAppError } from "../../domain/errors.ts";
import { refreshDueAt } from "../../domain/freshness.ts";
import type { SecretRecord } from "../../domain/ports/connection-store.ts";
import { credentialOf, expiryOf, grantOf, issuedAtOf } from "../../domain/token-data.ts";
import { isRefreshable } from "../../providers/provider.ts";
import { randomFraction } from "../backoff.ts";
import { recordDeeds, withDeeds } from "./audit-keeper.ts";
import {
  exposedFields,
  isOvertaken,
  type Keeper,
  openSecret,
  rememberCredential,
  requireRecord,
  updateRecord,
} from "./keeper.ts";
import type { Escrow, KeeperRecord, UntoldFailure } from "./keeper-state.ts";
import { isOwing, setNextAlarm } from "./next-alarm.ts";
import { scheduleSettling } from "./schedule-retry.ts";
import { takeAway } from "./take-away.ts";
import { type Written, writeSecret } from "./write-secret.ts";

/**
 * Does everything this keeper owes the stores, in one line so that nothing late overtakes anything newer: brings the
 * escrowed secret to the secret store, Postgres and the cache; tells Postgres of a failure; takes a disconnected
 * connection away. One run at a time; callers share it.
 *
 * Nothing is lost when a step fails: what is owed stays, the alarm tries again and the provider is not called again.
 *
 * @throws `vault_unavailable` or `database_unavailable`.
 */
export function settleEscrow(keeper: Keeper): Promise<void> {
  if (keeper.underWay.settling !== null) return keeper.underWay.settling;
  if (!isOwing(requireRecord(keeper))) return Promise.resolve();
  keeper.underWay.settling = settleAll(keeper);
  return keeper.underWay.settling;
}

async function settleAll(keeper: Keeper): Promise<void> {
  try {
    for (let record = requireRecord(keeper); isOwing(record); record = requireRecord(keeper)) {
      await settleNext(keeper, record);
    }
  } catch (error) {
    if (isAppError(error)) scheduleSettling(keeper, error.retryAfterSeconds);
    throw error;
  } finally {
    // In the same turn as the last look: whoever owes something from now on begins a run of its own.
    keeper.underWay.settling = null;
  }
}

async function settleNext(keeper: Keeper, { erasure, escrow, untold }: KeeperRecord): Promise<void> {
  if (erasure !== null) return takeAway(keeper);
  if (escrow !== null) return settleOne(keeper, escrow);
  if (untold !== null) return tellFailure(keeper, untold);
}

async function settleOne(keeper: Keeper, escrow: Escrow): Promise<void> {
  const { binding } = requireRecord(keeper);
  const secret = await openSecret(keeper, binding, escrow.sealed);
  if (secret === null) {
    // The sealing key was retired while this waited: the secret cannot be had back, and saying so is all that is left.
    const detail = { reason: "escrow_unreadable" };
    finish(keeper, escrow, withDeeds(keeper, { action: "connection.refresh_failed", outcome: "failure", detail }));
    return void (await recordDeeds(keeper));
  }
  const { writtenVersion } = escrow;
  const isOurs = escrow.kind !== "found";
  const written =
    writtenVersion === null ? await writeSecret(keeper, escrow, secret) : { version: writtenVersion, secret, isOurs };
  if (written === null || isOvertaken(keeper, escrow)) return;
  if (written.isOurs) updateRecord(keeper, { escrow: { ...escrow, writtenVersion: written.version } });
  await publish(keeper, escrow, written);
}

/** Tells Postgres and the cache, then forgets the escrow. */
async function publish(keeper: Keeper, escrow: Escrow, { version, secret, isOurs }: Written): Promise<void> {
  const { binding } = requireRecord(keeper);
  const lifetime = { issuedAt: issuedAtOf(secret), expiresAt: expiryOf(secret) };
  const provider = keeper.deps.providers.find(binding.provider);
  const isRenewed = provider !== null && isRefreshable(provider, secret);
  const dueAt = isRenewed ? refreshDueAt(lifetime, randomFraction(keeper.deps.random)) : null;
  const isRefresh = escrow.kind === "refresh" && isOurs;
  const row: SecretRecord = {
    version,
    ...lifetime,
    refreshDueAt: dueAt,
    credentialExpiresAt: credentialEndOf(secret, provider?.credentialEnd),
    refreshedAt: isRefresh ? escrow.obtainedAt : null,
    consent: escrow.facts,
  };
  const isLive = await keeper.deps.connections.recordSecret(binding, row);
  if (isOvertaken(keeper, escrow)) return;
  // The row is gone without a word to this keeper: nobody can read the secret, and the daily report names it. Should it
  // only have passed to another owner, the sweep finds it past due and brings the new binding.
  if (!isLive) return finish(keeper, escrow, { dueAt: null });
  const credential = credentialOf(secret, version, exposedFields(keeper, binding));
  await keeper.deps.credentialCache.write(binding, credential);
  if (isOvertaken(keeper, escrow)) return;
  rememberCredential(keeper, credential, secret);
  const told = withDeeds(keeper, ...deedsOf(keeper, isRefresh ? version : null));
  finish(keeper, escrow, { ...told, grant: grantOf(secret), version, status: "active", untold: null, dueAt });
  await recordDeeds(keeper);
}

/** @param refreshed The version a refresh has brought; null = it was none. */
function deedsOf(keeper: Keeper, refreshed: number | null) {
  const { status } = requireRecord(keeper);
  const outcome = "success" as const;
  const refresh = { action: "connection.refreshed", outcome, detail: { version: refreshed } } as const;
  const recovery = { action: "connection.recovered", outcome, detail: { from: status } } as const;
  return [...(refreshed === null ? [] : [refresh]), ...(status === "active" ? [] : [recovery])];
}

/** Tells Postgres how the connection stands; a newer failure that came meanwhile is told next. */
async function tellFailure(keeper: Keeper, untold: UntoldFailure): Promise<void> {
  await keeper.deps.connections.recordFailure(requireRecord(keeper).binding, untold);
  if (requireRecord(keeper).untold?.status === untold.status) updateRecord(keeper, { untold: null });
}

/** Forgets the escrow and goes on with `change`, unless something newer has taken its place. */
function finish(keeper: Keeper, escrow: Escrow, change: Partial<KeeperRecord>): void {
  if (isOvertaken(keeper, escrow)) return;
  updateRecord(keeper, { escrow: null, intent: null, failures: 0, retryAt: null, heldOffUntil: null, ...change });
  setNextAlarm(keeper);
}
