import { scopeOfChain } from "../../domain/audit-scope.ts";
import { requireId, type WorkspaceId } from "../../domain/ids.ts";
import type {
  AttemptRecord,
  DeliveryQueue,
  DueDelivery,
  Listener,
  NewDelivery,
  SenderView,
} from "../../domain/ports/webhooks.ts";
import type { EpochSeconds } from "../../domain/time.ts";
import type { WebhookBinding } from "../../domain/webhook.ts";
import type { Database, Row } from "./database.ts";
import { readNullableTime, readText, timeParameter } from "./row.ts";
import { type Statement, sql } from "./statement.ts";

/** What is to be sent, in Postgres, on behalf of nobody: the log hands events over, the senders send them. */
export function createDeliveryQueue(database: Database): DeliveryQueue {
  return {
    listListeners: async (workspaceId) =>
      ((await database.as(scopeOfChain(workspaceId), selectListeners(workspaceId)))[0] ?? []).map(toListener),
    add: async (workspaceId, deliveries) => {
      await database.as(scopeOfChain(workspaceId), insertDeliveries(deliveries), bringForward(deliveries));
    },
    readDue: (binding, now, limit) => readDue(database, binding, now, limit),
    recordAttempt: async (binding, attempt) => {
      const statements = [updateDelivery(binding, attempt), updateHealth(binding, attempt)];
      const row = (await database.as(scopeOfChain(binding.workspaceId), ...statements))[1]?.[0];
      if (row === undefined) return null;
      return { isActive: row["is_active"] === true, failingSince: readNullableTime(row, "failing_since") };
    },
    deactivate: async (binding, reason) => {
      await database.as(
        scopeOfChain(binding.workspaceId),
        sql`update webhooks set is_active = false, inactive_reason = ${reason}, updated_at = now()
          where id = ${binding.id} and is_active`,
      );
    },
    recordErased: async (binding) => {
      await database.as(
        scopeOfChain(binding.workspaceId),
        sql`update webhooks set secret_erased_at = now(), due_at = null
          where id = ${binding.id} and deleted_at is not null and secret_erased_at is null`,
      );
    },
    leaseDue: async (limit, leaseSeconds) =>
      ((await database.enter(sql`select * from lease_due_webhooks(${limit}, ${leaseSeconds})`))[0] ?? []).map(
        toBinding,
      ),
  };
}

function selectListeners(workspaceId: WorkspaceId): Statement {
  return sql`select id, events, after_seq from webhooks where workspace_id = ${workspaceId} and is_active`;
}

/** A webhook that was deleted or paused meanwhile gets nothing. */
function insertDeliveries(deliveries: readonly NewDelivery[]): Statement {
  const rows = JSON.stringify(deliveries.map(({ webhookId, ...rest }) => ({ ...rest, webhook_id: webhookId })));
  return sql`insert into webhook_deliveries (id, webhook_id, workspace_id, seq, event, payload, next_attempt_at)
    select given.id, w.id, w.workspace_id, given.seq, given.event, given.payload, date_trunc('second', now())
    from jsonb_to_recordset(${rows}::jsonb) as given (id text, webhook_id text, seq bigint, event text, payload text)
    join webhooks w on w.id = given.webhook_id and w.is_active
    on conflict do nothing`;
}

function bringForward(deliveries: readonly NewDelivery[]): Statement {
  const ids = [...new Set(deliveries.map(({ webhookId }) => webhookId))];
  return sql`update webhooks set due_at = least(due_at, now()) where id = any(${ids}::text[]) and is_active`;
}

async function readDue(
  database: Database,
  { id, workspaceId }: WebhookBinding,
  now: EpochSeconds,
  limit: number,
): Promise<SenderView | null> {
  const [webhooks, times, due] = await database.as(
    scopeOfChain(workspaceId),
    // Locked, so that a delivery that is being added is either seen below or brings due_at forward after us.
    sql`select url, secret_ref, is_active, deleted_at from webhooks where id = ${id} for update`,
    sql`update webhooks set
        due_at = (select min(next_attempt_at) from webhook_deliveries where webhook_id = ${id} and status = 'pending')
      where id = ${id} and deleted_at is null returning due_at`,
    sql`select id, payload, attempts from webhook_deliveries
      where webhook_id = ${id} and status = 'pending' and next_attempt_at <= ${timeParameter(now)}
      order by seq limit ${limit}`,
  );
  const webhook = webhooks?.[0];
  if (webhook === undefined) return null;
  return {
    url: readText(webhook, "url"),
    secretRef: readText(webhook, "secret_ref"),
    isActive: webhook["is_active"] === true,
    isDeleted: webhook["deleted_at"] !== null,
    due: (due ?? []).map(toDue),
    nextAt: times?.[0] === undefined ? null : readNullableTime(times[0], "due_at"),
  };
}

/** Compare-and-set on the number of tries: what was replayed or dropped meanwhile is left as it is. */
function updateDelivery({ id }: WebhookBinding, attempt: AttemptRecord): Statement {
  return sql`update webhook_deliveries set
      status = ${attempt.status}, attempts = attempts + 1, last_status = ${attempt.lastStatus}::integer,
      last_error = ${attempt.lastError}::text, next_attempt_at = ${timeParameter(attempt.nextAttemptAt)}::timestamptz,
      delivered_at = case when ${attempt.status} = 'delivered' then ${timeParameter(attempt.at)}::timestamptz end
    where id = ${attempt.id} and webhook_id = ${id} and status = 'pending' and attempts = ${attempt.attemptsBefore}`;
}

function updateHealth({ id }: WebhookBinding, { status, at }: AttemptRecord): Statement {
  return sql`update webhooks set
      failing_since = case when ${status} = 'delivered' then null
        else coalesce(failing_since, ${timeParameter(at)}::timestamptz) end
    where id = ${id} returning is_active, failing_since`;
}

function toListener(row: Row): Listener {
  const events = Array.isArray(row["events"]) ? row["events"] : [];
  return { id: requireId("whk", row["id"]), events: events.map(String), afterSeq: Number(row["after_seq"]) };
}

function toDue(row: Row): DueDelivery {
  return { id: requireId("msg", row["id"]), payload: readText(row, "payload"), attempts: Number(row["attempts"]) };
}

function toBinding(row: Row): WebhookBinding {
  return { id: requireId("whk", row["id"]), workspaceId: requireId("wsp", row["workspace_id"]) };
}
