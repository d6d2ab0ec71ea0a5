import { AppError } from "../../src/domain/errors.ts";
import { requireOwnerId, type WorkspaceId } from "../../src/domain/ids.ts";
import type { DeliveryQueue, WebhookStore } from "../../src/domain/ports/webhooks.ts";
import { addSeconds, type EpochSeconds } from "../../src/domain/time.ts";
import type { Webhook, WebhookBinding, WebhookDelivery } from "../../src/domain/webhook.ts";
import { pageOf } from "./fake-identity-tables.ts";

export interface WebhookRow extends Webhook {
  readonly workspaceId: WorkspaceId;
  readonly afterSeq: number;
  readonly isDeleted: boolean;
  readonly isErased: boolean;
  readonly dueAt: EpochSeconds | null;
}

export interface DeliveryRow extends WebhookDelivery {
  readonly payload: string;
  readonly isPurged: boolean;
}

/** Both ports over the same two tables, with what a test does behind their back. */
export interface FakeWebhooks {
  readonly webhooks: WebhookStore;
  readonly webhookDeliveries: DeliveryQueue;
  readonly webhookRows: Map<string, WebhookRow>;
  readonly deliveryRows: Map<string, DeliveryRow>;
  /** From now on every call throws `database_unavailable`, or no longer. */
  setDown(isDown: boolean): void;
}

/** The sweep leaves a sender its own alarm for so long. */
const SWEEP_AFTER_SECONDS = 30;

export function createFakeWebhooks(now: () => EpochSeconds): FakeWebhooks {
  const webhookRows = new Map<string, WebhookRow>();
  const deliveryRows = new Map<string, DeliveryRow>();
  const leases = new Map<string, EpochSeconds>();
  let isDown = false;

  const isActive = (row: WebhookRow | undefined) => row !== undefined && row.inactiveReason === null && !row.isDeleted;
  const live = (workspaceId: string) =>
    [...webhookRows.values()].filter((row) => row.workspaceId === workspaceId && !row.isDeleted);
  const findLive = (workspaceId: string, id: string) => live(workspaceId).find((row) => row.id === id) ?? null;
  const pendingOf = (id: string) =>
    [...deliveryRows.values()]
      .filter((row) => row.webhookId === id && row.status === "pending" && !row.isPurged)
      .sort((one, other) => one.seq - other.seq);
  const nextOf = (id: string) => {
    const times = pendingOf(id).map((row) => row.nextAttemptAt ?? now());
    return times.length === 0 ? null : (Math.min(...times) as EpochSeconds);
  };
  const change = (id: string, changed: Partial<WebhookRow>): WebhookRow | null => {
    const row = webhookRows.get(id);
    if (row === undefined) return null;
    const next = { ...row, ...changed };
    webhookRows.set(id, next);
    return next;
  };
  const changeDelivery = (id: string, changed: Partial<DeliveryRow>): DeliveryRow | null => {
    const row = deliveryRows.get(id);
    if (row === undefined) return null;
    const next = { ...row, ...changed };
    deliveryRows.set(id, next);
    return next;
  };
  const bringForward = (id: string) => {
    const row = webhookRows.get(id);
    if (isActive(row)) change(id, { dueAt: Math.min(row?.dueAt ?? now(), now()) as EpochSeconds });
  };

  const webhooks: WebhookStore = {
    create: async (scope, webhook, limit) => {
      if (live(scope.workspaceId).length >= limit) return null;
      const { afterSeq, ...given } = webhook;
      const row: WebhookRow = {
        ...given,
        afterSeq,
        workspaceId: scope.workspaceId,
        inactiveReason: null,
        failingSince: null,
        createdBy: requireOwnerId(scope.userId),
        createdAt: now(),
        updatedAt: now(),
        isDeleted: false,
        isErased: false,
        dueAt: null,
      };
      webhookRows.set(row.id, row);
      return row;
    },
    list: async (scope, page) =>
      pageOf(
        [...webhookRows.values()],
        page,
        (row) => live(scope.workspaceId).includes(row),
        (row) => row,
      ),
    find: async (scope, id) => findLive(scope.workspaceId, id),
    update: async (scope, id, { url, events, isActive: active }) => {
      const row = findLive(scope.workspaceId, id);
      if (row === null) return null;
      if (active && row.inactiveReason !== null) {
        for (const { id: waiting } of pendingOf(id)) changeDelivery(waiting, { nextAttemptAt: now() });
      }
      return change(id, {
        ...(url !== undefined && { url }),
        ...(events !== undefined && { events }),
        ...(active === true && { inactiveReason: null, failingSince: null, dueAt: nextOf(id) }),
        ...(active === false && { inactiveReason: row.inactiveReason ?? "paused" }),
        updatedAt: now(),
      });
    },
    remove: async (scope, id) => {
      if (findLive(scope.workspaceId, id) === null) return null;
      for (const waiting of pendingOf(id)) changeDelivery(waiting.id, { status: "dropped", nextAttemptAt: null });
      return change(id, { isDeleted: true, dueAt: now() });
    },
    listDeliveries: async (_scope, id, { status, ...page }) => {
      const rows = [...deliveryRows.values()].filter((row) => row.webhookId === id).sort((a, b) => b.seq - a.seq);
      return pageOf(rows, page, (row) => !row.isPurged && (status ?? row.status) === row.status, toDelivery);
    },
    findDelivery: async (scope, id) => {
      const row = deliveryRows.get(id);
      const webhook = row === undefined ? null : findLive(scope.workspaceId, row.webhookId);
      if (row === undefined || webhook === null) return null;
      return { delivery: toDelivery(row), isActive: isActive(webhook) };
    },
    resume: async (scope, id) => {
      if (!isActive(findLive(scope.workspaceId, id) ?? undefined)) return;
      for (const { id: waiting } of pendingOf(id)) changeDelivery(waiting, { nextAttemptAt: now() });
      change(id, { dueAt: nextOf(id) });
    },
    replay: async (scope, id) => {
      const row = deliveryRows.get(id);
      if (row === undefined || !isActive(findLive(scope.workspaceId, row.webhookId) ?? undefined)) return null;
      bringForward(row.webhookId);
      const replayed = { status: "pending", attempts: 0, nextAttemptAt: now(), deliveredAt: null } as const;
      return toDelivery({ ...row, ...changeDelivery(id, replayed) });
    },
  };

  const ofWorkspace = ({ id, workspaceId }: WebhookBinding) => {
    const row = webhookRows.get(id);
    return row?.workspaceId === workspaceId ? row : undefined;
  };

  const webhookDeliveries: DeliveryQueue = {
    listListeners: async (workspaceId) => live(workspaceId).filter(isActive),
    add: async (workspaceId, deliveries) => {
      for (const { payload, ...given } of deliveries) {
        if (!isActive(ofWorkspace({ id: given.webhookId, workspaceId }))) continue;
        bringForward(given.webhookId);
        const isThere = [...deliveryRows.values()].some(
          (row) => row.webhookId === given.webhookId && row.seq === given.seq,
        );
        if (isThere) continue;
        const fresh = { status: "pending", attempts: 0, lastStatus: null, lastError: null, deliveredAt: null } as const;
        const times = { nextAttemptAt: now(), createdAt: now() };
        deliveryRows.set(given.id, { ...given, ...fresh, ...times, payload, isPurged: false });
      }
    },
    readDue: async (binding, at, limit) => {
      const row = ofWorkspace(binding);
      if (row === undefined || row.isErased) return null;
      if (!row.isDeleted) change(row.id, { dueAt: nextOf(row.id) });
      const due = pendingOf(row.id).filter(({ nextAttemptAt }) => (nextAttemptAt ?? 0) <= at);
      return {
        url: row.url,
        secretRef: row.secretRef,
        isActive: isActive(row),
        isDeleted: row.isDeleted,
        due: due.slice(0, limit).map(({ id, payload, attempts }) => ({ id, payload, attempts })),
        nextAt: row.isDeleted ? null : nextOf(row.id),
      };
    },
    recordAttempt: async (binding, attempt) => {
      const row = ofWorkspace(binding);
      const known = deliveryRows.get(attempt.id);
      if (known?.status === "pending" && known.attempts === attempt.attemptsBefore) {
        const { status, lastStatus, lastError, nextAttemptAt, at } = attempt;
        const deliveredAt = status === "delivered" ? at : null;
        const attempts = known.attempts + 1;
        changeDelivery(attempt.id, { status, lastStatus, lastError, nextAttemptAt, deliveredAt, attempts });
      }
      if (row === undefined) return null;
      const failingSince = attempt.status === "delivered" ? null : (row.failingSince ?? attempt.at);
      change(row.id, { failingSince });
      return { isActive: isActive(row), failingSince };
    },
    deactivate: async (binding, reason) => {
      const row = ofWorkspace(binding);
      if (isActive(row)) change(binding.id, { inactiveReason: reason });
    },
    recordErased: async (binding) => {
      if (ofWorkspace(binding)?.isDeleted) change(binding.id, { isErased: true, dueAt: null });
    },
    leaseDue: async (limit, leaseSeconds) => {
      const late = [...webhookRows.values()].filter(
        (row) =>
          row.dueAt !== null &&
          addSeconds(row.dueAt, SWEEP_AFTER_SECONDS) < now() &&
          (isActive(row) || row.isDeleted) &&
          (leases.get(row.id) ?? 0) < now(),
      );
      const leased = late.slice(0, limit);
      for (const { id } of leased) leases.set(id, addSeconds(now(), leaseSeconds));
      return leased.map(({ id, workspaceId }) => ({ id, workspaceId }));
    },
  };

  return {
    webhooks: failing(webhooks, () => isDown),
    webhookDeliveries: failing(webhookDeliveries, () => isDown),
    webhookRows,
    deliveryRows,
    setDown: (down) => {
      isDown = down;
    },
  };
}

function toDelivery({ payload: _payload, isPurged: _isPurged, ...delivery }: DeliveryRow): WebhookDelivery {
  return delivery;
}

function failing<Port extends object>(port: Port, isDown: () => boolean): Port {
  return new Proxy(port, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (typeof member !== "function") return member;
      return async (...args: unknown[]) => {
        if (isDown()) throw new AppError("database_unavailable", "The database is down.");
        return member.apply(target, args);
      };
    },
  });
}
