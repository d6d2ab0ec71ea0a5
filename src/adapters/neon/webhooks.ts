import type { DeliveryId, WebhookId } from "../../domain/ids.ts";
import type { PageRequest } from "../../domain/page.ts";
import type { DeliveryQuery, NewWebhook, WebhookChange, WebhookStore } from "../../domain/ports/webhooks.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Database, Row } from "./database.ts";
import { readPosition, toPage } from "./page.ts";
import { type Statement, sql } from "./statement.ts";
import { toDelivery, toWebhook } from "./webhook-row.ts";

/** The webhooks of a workspace in Postgres. */
export function createWebhookStore(database: Database): WebhookStore {
  return {
    create: async (scope, webhook, limit) => {
      // Held until the transaction ends: two at once cannot both find room for the last one.
      const lock = sql`select pg_advisory_xact_lock(hashtextextended('webhooks ' || ${scope.workspaceId}, 0))`;
      return firstWebhook((await database.as(scope, lock, insertWebhook(scope, webhook, limit)))[1]);
    },
    list: async (scope, page) => toPage((await database.as(scope, selectPage(scope, page)))[0], page.limit, toWebhook),
    find: async (scope, id) => firstWebhook((await database.as(scope, selectWebhook(scope, id)))[0]),
    update: async (scope, id, change) =>
      firstWebhook((await database.as(scope, resumeDeliveries(id, change), updateWebhook(scope, id, change)))[1]),
    remove: async (scope, id) => firstWebhook((await database.as(scope, endWebhook(scope, id), dropDeliveries(id)))[0]),
    listDeliveries: async (scope, id, query) =>
      toPage((await database.as(scope, selectDeliveries(id, query)))[0], query.limit, toDelivery),
    findDelivery: async (scope, id) => {
      const row = (await database.as(scope, selectDelivery(id)))[0]?.[0];
      return row === undefined ? null : { delivery: toDelivery(row), isActive: row["is_active"] === true };
    },
    resume: async (scope, id) => {
      await database.as(scope, bringDeliveriesForward(scope, id), bringWebhookForward(scope, id));
    },
    replay: async (scope, id) => {
      const row = (await database.as(scope, replayDelivery(id), bringForward(id)))[0]?.[0];
      return row === undefined ? null : toDelivery(row);
    },
  };
}

function insertWebhook(scope: Scope, webhook: NewWebhook, limit: number): Statement {
  return sql`insert into webhooks (id, workspace_id, url, events, secret_ref, after_seq, created_by)
    select ${webhook.id}, ${scope.workspaceId}, ${webhook.url}, ${webhook.events}::text[], ${webhook.secretRef},
      ${webhook.afterSeq}::bigint, ${scope.userId}
    where (
      select count(*) from webhooks where workspace_id = ${scope.workspaceId} and deleted_at is null
    ) < ${limit}::bigint
    returning *`;
}

function selectPage(scope: Scope, { limit, after }: PageRequest): Statement {
  const { madeAt, id } = readPosition("whk", after);
  return sql`select *, (extract(epoch from created_at) * 1000000)::bigint || '.' || id as cursor
    from webhooks
    where workspace_id = ${scope.workspaceId} and deleted_at is null
      and (${madeAt}::bigint is null or (created_at, id) > (timestamptz 'epoch' + ${madeAt}::bigint * interval '1 microsecond', ${id}))
    order by created_at, id limit ${limit + 1}`;
}

function selectWebhook(scope: Scope, id: WebhookId): Statement {
  return sql`select * from webhooks where id = ${id} and workspace_id = ${scope.workspaceId} and deleted_at is null`;
}

function updateWebhook(scope: Scope, id: WebhookId, { url, events, isActive }: WebhookChange): Statement {
  const active = isActive ?? null;
  return sql`update webhooks set
      url = coalesce(${url ?? null}, url), events = coalesce(${events ?? null}::text[], events),
      is_active = coalesce(${active}::boolean, is_active),
      inactive_reason = case ${active}::boolean
        when true then null when false then coalesce(inactive_reason, 'paused') else inactive_reason end,
      failing_since = case when ${active}::boolean then null else failing_since end,
      due_at = case when ${active}::boolean
        then (select min(next_attempt_at) from webhook_deliveries where webhook_id = ${id} and status = 'pending')
        else due_at end,
      updated_at = now()
    where id = ${id} and workspace_id = ${scope.workspaceId} and deleted_at is null
    returning *`;
}

/** What waited while it was not active need not wait any longer once it is. */
function resumeDeliveries(id: WebhookId, { isActive }: WebhookChange): Statement {
  return sql`update webhook_deliveries d set next_attempt_at = date_trunc('second', now())
    from webhooks w
    where ${isActive ?? false}::boolean and w.id = ${id} and not w.is_active and w.deleted_at is null
      and d.webhook_id = w.id and d.status = 'pending'`;
}

/** What waits for one that is not active is brought forward when it is. */
function bringDeliveriesForward(scope: Scope, id: WebhookId): Statement {
  return sql`update webhook_deliveries d set next_attempt_at = date_trunc('second', now())
    from webhooks w
    where w.id = ${id} and w.workspace_id = ${scope.workspaceId} and w.is_active
      and d.webhook_id = w.id and d.status = 'pending' and d.next_attempt_at > now()`;
}

function bringWebhookForward(scope: Scope, id: WebhookId): Statement {
  return sql`update webhooks set due_at = least(due_at, now())
    where id = ${id} and workspace_id = ${scope.workspaceId} and is_active and due_at is not null`;
}

function endWebhook(scope: Scope, id: WebhookId): Statement {
  return sql`update webhooks set is_active = false, deleted_at = now(), updated_at = now(), due_at = now()
    where id = ${id} and workspace_id = ${scope.workspaceId} and deleted_at is null
    returning *`;
}

function dropDeliveries(id: WebhookId): Statement {
  return sql`update webhook_deliveries d set status = 'dropped', next_attempt_at = null
    from webhooks w
    where w.id = ${id} and w.deleted_at is not null and d.webhook_id = w.id and d.status = 'pending'`;
}

function selectDeliveries(id: WebhookId, { limit, after, status }: DeliveryQuery): Statement {
  const { madeAt: beforeSeq } = readPosition("msg", after);
  return sql`select *, seq || '.' || id as cursor from webhook_deliveries
    where webhook_id = ${id} and (${status}::text is null or status = ${status})
      and (${beforeSeq}::bigint is null or seq < ${beforeSeq}::bigint)
    order by seq desc limit ${limit + 1}`;
}

function selectDelivery(id: DeliveryId): Statement {
  return sql`select d.*, w.is_active from webhook_deliveries d join webhooks w on w.id = d.webhook_id
    where d.id = ${id} and w.deleted_at is null`;
}

function replayDelivery(id: DeliveryId): Statement {
  return sql`update webhook_deliveries d set
      status = 'pending', attempts = 0, next_attempt_at = date_trunc('second', now()), delivered_at = null
    from webhooks w where d.id = ${id} and w.id = d.webhook_id and w.is_active
    returning d.*`;
}

function bringForward(id: DeliveryId): Statement {
  return sql`update webhooks set due_at = least(due_at, now())
    where is_active and id = (select webhook_id from webhook_deliveries where id = ${id} and status = 'pending')`;
}

function firstWebhook(rows: readonly Row[] = []) {
  return rows[0] === undefined ? null : toWebhook(rows[0]);
}
