import type { ConnectionBinding } from "../../domain/connection.ts";
import type { ConnectionStore, SecretRecord } from "../../domain/ports/connection-store.ts";
import { ownerScope } from "./connection-row.ts";
import type { Database } from "./database.ts";
import { timeParameter } from "./row.ts";
import { type Statement, sql } from "./statement.ts";

/**
 * Tells the row of a secret that was written. Only keepers call it, one at a time per connection; the version is
 * compared all the same, so that a write left over from a dead life cannot take a row back.
 */
export async function recordSecret(
  database: Database,
  binding: ConnectionBinding,
  record: SecretRecord,
): Promise<boolean> {
  const [rows] = await database.as(ownerScope(binding), updateSecret(binding, record));
  return rows?.length === 1;
}

function updateSecret(binding: ConnectionBinding, record: SecretRecord): Statement {
  const { consent } = record;
  const end = timeParameter(record.credentialExpiresAt);
  return sql`update user_tokens set
      version = ${record.version},
      issued_at = ${timeParameter(record.issuedAt)},
      expires_at = ${timeParameter(record.expiresAt)},
      refresh_due_at = ${timeParameter(record.refreshDueAt)},
      credential_expires_at = ${end},
      credential_warned_days = case when credential_expires_at is not distinct from ${end}::timestamptz
        then credential_warned_days end,
      sweep_leased_until = null,
      last_refreshed_at = coalesce(${timeParameter(record.refreshedAt)}::timestamptz, last_refreshed_at),
      status = 'active',
      last_error = null,
      scopes = coalesce(${consent?.scopes ?? null}::text[], scopes),
      metadata = coalesce(${consent === null ? null : JSON.stringify(consent.metadata)}::jsonb, metadata),
      upstream_account = case when ${consent !== null} then ${consent?.upstreamAccount ?? null} else upstream_account end,
      shared = coalesce(${consent?.shared ?? null}::boolean, shared),
      updated_at = now()
    where id = ${binding.id} and is_active and (${consent !== null} or version <= ${record.version})
    returning id`;
}

/** Tells the row of a refresh that failed. */
export async function recordFailure(
  database: Database,
  binding: ConnectionBinding,
  failure: Parameters<ConnectionStore["recordFailure"]>[1],
): Promise<boolean> {
  const update = sql`update user_tokens set status = ${failure.status}, last_error = ${failure.lastError},
      refresh_due_at = ${timeParameter(failure.refreshDueAt)}, sweep_leased_until = null, updated_at = now()
    where id = ${binding.id} and is_active returning id`;
  const [rows] = await database.as(ownerScope(binding), update);
  return rows?.length === 1;
}
