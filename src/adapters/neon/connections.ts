import type { Connection, ConnectionBinding } from "../../domain/connection.ts";
import { AppError } from "../../domain/errors.ts";
import type { ConnectionId, OwnerId } from "../../domain/ids.ts";
import type { ConnectionQuery, ConnectionStore, Reservation } from "../../domain/ports/connection-store.ts";
import type { Scope } from "../../domain/principal.ts";
import { ownerScope, toBinding, toConnection, toEndingCredential } from "./connection-row.ts";
import { recordFailure, recordSecret } from "./connection-writes.ts";
import { type Database, isUniqueViolation, type Row } from "./database.ts";
import { readPosition, toPage } from "./page.ts";
import { type Statement, sql } from "./statement.ts";

export function createConnectionStore(database: Database): ConnectionStore {
  return {
    find: async (scope, id) => firstConnection(await database.as(scope, selectConnection(id))),
    list: async (scope, query) => toPage((await database.as(scope, selectPage(query)))[0], query.limit, toConnection),
    listOwned: async (scope) => {
      const owned = sql`select * from user_tokens where is_active and owner_id = ${scope.userId} order by created_at, id`;
      return (await database.as(scope, owned))[0]?.map(toConnection) ?? [];
    },
    listReadable: async (scope, provider, account) =>
      (await database.as(scope, selectReadable(scope, provider, account)))[0]?.map(toConnection) ?? [],
    reserve: (scope, reservation) => reserve(database, scope, reservation),
    update: async (scope, id, change) => firstConnection(await database.as(scope, updateRow(id, change))),
    wasDisconnected: async (scope, id) => (await database.as(scope, selectGone(scope, id)))[0]?.length === 1,
    handOver: (scope, id, to) => handOver(database, scope, id, to),
    recordSecret: (binding, record) => recordSecret(database, binding, record),
    recordFailure: (binding, failure) => recordFailure(database, binding, failure),
    disconnect: async (binding) => {
      await database.as(
        ownerScope(binding),
        sql`update user_tokens
        set is_active = false, deleted_at = now(), updated_at = now() where id = ${binding.id} and is_active`,
      );
    },
    hasOtherLiveGrant: (binding) => hasOtherLiveGrant(database, binding),
    isGrantLive: async (scope, provider, upstreamAccount) => {
      const held = sql`select has_other_live_grant(${provider}, ${upstreamAccount}, '') as is_held`;
      return (await database.as(scope, held))[0]?.[0]?.["is_held"] === true;
    },
    leaseDue: async (limit, leaseSeconds) =>
      (await database.enter(sql`select * from list_due_connections(${limit}, ${leaseSeconds})`))[0]?.map(toBinding) ??
      [],
    takeEndingCredentials: async (days, limit) => {
      const take = sql`select * from take_ending_credentials(${days}::integer[], ${limit})`;
      return (await database.enter(take))[0]?.map(toEndingCredential) ?? [];
    },
    readAwsExternalId: (scope) => readAwsExternalId(database, scope),
    check: async () => {
      await database.enter(sql`select 1`);
    },
  };
}

/** Reads one visible connection; also used beside the proof of a credential, in the same batch. */
export function selectConnection(id: ConnectionId): Statement {
  return sql`select * from user_tokens where id = ${id} and is_active and version > 0`;
}

function selectPage({ provider, status, after, limit }: ConnectionQuery): Statement {
  const { madeAt, id } = readPosition("con", after);
  return sql`select *, (extract(epoch from created_at) * 1000000)::bigint || '.' || id as cursor
    from user_tokens
    where is_active and version > 0
      and (${provider}::text is null or provider = ${provider})
      and (${status}::text is null or status = ${status})
      and (${madeAt}::bigint is null or (created_at, id) > (timestamptz 'epoch' + ${madeAt}::bigint * interval '1 microsecond', ${id}))
    order by created_at, id limit ${limit + 1}`;
}

function selectReadable(scope: Scope, provider: string, account: string | null): Statement {
  return sql`select * from user_tokens
    where is_active and version > 0 and provider = ${provider} and (${account}::text is null or account = ${account})
    order by (owner_id = ${scope.userId}) desc, created_at desc, id desc`;
}

function selectGone(scope: Scope, id: ConnectionId): Statement {
  return sql`select id from user_tokens where id = ${id} and owner_id = ${scope.userId} and not is_active`;
}

function updateRow(id: ConnectionId, change: Parameters<ConnectionStore["update"]>[2]): Statement {
  const { shared = null, label } = change;
  return sql`update user_tokens set shared = coalesce(${shared}::boolean, shared),
      label = case when ${label !== undefined} then ${label ?? null}::text else label end, updated_at = now()
    where id = ${id} and is_active and version > 0 returning *`;
}

/**
 * Finds the live row of that owner, provider and account, or inserts one under the first reference nobody ever held.
 * Two at once: the unique indexes let one insert, the other finds its row.
 */
async function reserve(database: Database, scope: Scope, wanted: Reservation): Promise<Connection> {
  const { id, provider, account, upstreamAccount, shared } = wanted;
  for (const secretRef of wanted.secretRefs) {
    const insert = sql`insert into user_tokens
        (id, workspace_id, owner_id, provider, account, upstream_account, shared, secret_ref)
      values (${id}, ${scope.workspaceId}, ${scope.userId}, ${provider}, ${account}, ${upstreamAccount}, ${shared},
        ${secretRef})
      on conflict do nothing`;
    const select = sql`select * from user_tokens where is_active
      and owner_id = ${scope.userId} and provider = ${provider} and account = ${account}`;
    const found = firstConnection((await database.as(scope, insert, select)).slice(1));
    if (found !== null) return found;
  }
  throw new AppError("conflict", "Another connection of this account is being made; try again.");
}

/** An heir who has that account already keeps both: the one that is passed on is told apart by its id. */
async function handOver(database: Database, scope: Scope, id: ConnectionId, to: OwnerId): Promise<boolean> {
  const plain = sql`update user_tokens set owner_id = ${to}, updated_at = now()
    where id = ${id} and is_active and shared returning id`;
  const renamed = sql`update user_tokens set owner_id = ${to}, account = account || ' ' || id, updated_at = now()
    where id = ${id} and is_active and shared returning id`;
  try {
    return (await database.as(scope, plain))[0]?.length === 1;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    return (await database.as(scope, renamed))[0]?.length === 1;
  }
}

async function hasOtherLiveGrant(database: Database, binding: ConnectionBinding): Promise<boolean> {
  const held = sql`select has_other_live_grant(provider, upstream_account, id) as is_held from user_tokens
    where id = ${binding.id} and upstream_account is not null`;
  const [rows] = await database.as(ownerScope(binding), held);
  return rows?.[0]?.["is_held"] === true;
}

async function readAwsExternalId(database: Database, scope: Scope): Promise<string> {
  const [rows] = await database.as(scope, sql`select aws_external_id from workspaces where id = ${scope.workspaceId}`);
  const id = rows?.[0]?.["aws_external_id"];
  if (typeof id !== "string") throw new AppError("not_found", "There is no such workspace.");
  return id;
}

function firstConnection(results: readonly (readonly Row[])[]): Connection | null {
  const row = results[0]?.[0];
  return row === undefined ? null : toConnection(row);
}
