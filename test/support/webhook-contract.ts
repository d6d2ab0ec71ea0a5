import { describe, expect, test } from "vitest";
import { createId, type DeliveryId, type UserId, type WebhookId, type WorkspaceId } from "../../src/domain/ids.ts";
import type { AttemptRecord, DeliveryQueue, WebhookStore } from "../../src/domain/ports/webhooks.ts";
import { createSecretRef } from "../../src/domain/secret-ref.ts";
import { addSeconds, epochSeconds } from "../../src/domain/time.ts";
import { describePages } from "./page-contract.ts";
import { randomBytes } from "./random-bytes.ts";

interface Member {
  readonly userId: UserId;
  readonly workspaceId: WorkspaceId;
}

export interface WebhookTables {
  readonly webhooks: WebhookStore;
  readonly webhookDeliveries: DeliveryQueue;
  /** Somebody in a workspace of their own. */
  register(): Promise<Member>;
  purge(table: "webhooks" | "webhook_deliveries", id: string): Promise<unknown>;
}

const WHOLE = { limit: 50, after: null, status: null };
const now = () => epochSeconds(Date.now() / 1000);
const later = () => addSeconds(now(), 5);

/** What every implementation of the webhooks' tables does; the fake and Postgres both run it. */
export function describeWebhookTables(read: () => WebhookTables): void {
  async function make(owner: Member, limit = 100, afterSeq = 0) {
    const id = createId("whk", randomBytes);
    const secretRef = createSecretRef("aurora", "users", `aurora-test-${id}-secret`);
    const draft = { id, url: "https://hooks.example.com/a", events: ["apikey.*"], secretRef, afterSeq } as const;
    return read().webhooks.create(owner, draft, limit);
  }
  async function start() {
    const owner = await read().register();
    const webhook = await make(owner);
    if (webhook === null) throw new Error("the webhook was not made");
    return { ...read(), owner, webhook, binding: { id: webhook.id, workspaceId: owner.workspaceId } };
  }
  async function add(owner: Member, webhookId: WebhookId, seq: number): Promise<DeliveryId> {
    const id = createId("msg", randomBytes);
    const delivery = { id, webhookId, seq, event: "apikey.created", payload: `{"seq":${seq}}` };
    await read().webhookDeliveries.add(owner.workspaceId, [delivery]);
    return id;
  }
  const attemptOf = (id: DeliveryId, change: Partial<AttemptRecord> = {}): AttemptRecord => ({
    ...{ id, attemptsBefore: 0, status: "delivered", lastStatus: 204, lastError: null, at: now(), nextAttemptAt: null },
    ...change,
  });

  describePages("webhooks", async () => {
    const owner = await read().register();
    const { webhooks, purge } = read();
    return { add: () => make(owner), list: (page) => webhooks.list(owner, page), purge: (id) => purge("webhooks", id) };
  });

  describePages("deliveries", async () => {
    const { owner, webhook, webhooks, purge } = await start();
    let seq = 0;
    return {
      add: () => add(owner, webhook.id, ++seq),
      list: (page) => webhooks.listDeliveries(owner, webhook.id, { ...page, status: null }),
      purge: (id) => purge("webhook_deliveries", id),
    };
  });

  describe("a webhook", () => {
    test("is made while there is room, however many are made at once, and a deleted one makes room", async () => {
      const owner = await read().register();
      const made = (await Promise.all([make(owner, 2), make(owner, 2), make(owner, 2)])).filter((one) => one !== null);
      expect(made).toHaveLength(2);
      await read().webhooks.remove(owner, made[0]?.id ?? createId("whk", randomBytes));
      expect(await make(owner, 2)).not.toBeNull();
    });

    test("is read back as it was made", async () => {
      const { owner, webhook, webhooks } = await start();
      expect(webhook).toMatchObject({ url: "https://hooks.example.com/a", events: ["apikey.*"], inactiveReason: null });
      expect(webhook).toMatchObject({ createdBy: owner.userId, failingSince: null });
      expect(await webhooks.find(owner, webhook.id)).toEqual(webhook);
    });

    test("of another workspace is absent to every call", async () => {
      const { owner, webhook, webhooks, webhookDeliveries, register } = await start();
      const id = await add(owner, webhook.id, 1);
      const stranger = await register();
      expect([
        await webhooks.find(stranger, webhook.id),
        await webhooks.update(stranger, webhook.id, { isActive: false }),
        await webhooks.remove(stranger, webhook.id),
        await webhooks.findDelivery(stranger, id),
        await webhooks.replay(stranger, id),
        await webhookDeliveries.readDue({ id: webhook.id, workspaceId: stranger.workspaceId }, later(), 10),
      ]).toEqual([null, null, null, null, null, null]);
      expect(await webhookDeliveries.listListeners(stranger.workspaceId)).toEqual([]);
      expect((await webhooks.find(owner, webhook.id))?.inactiveReason).toBeNull();
    });

    test("that is paused is told of nothing, and what waited is due once it is active", async () => {
      const { owner, webhook, webhooks, webhookDeliveries, binding } = await start();
      const early = await add(owner, webhook.id, 1);
      const tomorrow = addSeconds(now(), 86_400);
      const failed = { status: "pending", lastStatus: 500, nextAttemptAt: tomorrow } as const;
      await webhookDeliveries.recordAttempt(binding, attemptOf(early, failed));
      const paused = await webhooks.update(owner, webhook.id, { isActive: false });
      expect(paused).toMatchObject({ inactiveReason: "paused" });
      await add(owner, webhook.id, 2);
      expect(await webhookDeliveries.listListeners(owner.workspaceId)).toEqual([]);
      expect(await webhookDeliveries.readDue(binding, later(), 10)).toMatchObject({ isActive: false, due: [] });
      const active = await webhooks.update(owner, webhook.id, { isActive: true });
      expect(active).toMatchObject({ inactiveReason: null, failingSince: null });
      const view = await webhookDeliveries.readDue(binding, later(), 10);
      expect(view).toMatchObject({ isActive: true, due: [{ id: early, attempts: 1 }] });
    });

    test("keeps what a change leaves out", async () => {
      const { owner, webhook, webhooks } = await start();
      const changed = await webhooks.update(owner, webhook.id, { events: ["usage.abnormal"] });
      expect(changed).toMatchObject({ url: webhook.url, events: ["usage.abnormal"], inactiveReason: null });
      expect(await webhooks.update(owner, webhook.id, { url: "https://b.example/" })).toMatchObject({
        url: "https://b.example/",
        events: ["usage.abnormal"],
      });
    });

    test("that is deleted is gone, what waited is dropped, and its sender is told until its secret is erased", async () => {
      const { owner, webhook, webhooks, webhookDeliveries, binding } = await start();
      const waiting = await add(owner, webhook.id, 1);
      expect((await webhooks.remove(owner, webhook.id))?.secretRef).toBe(webhook.secretRef);
      expect(await webhooks.remove(owner, webhook.id)).toBeNull();
      expect(await webhooks.find(owner, webhook.id)).toBeNull();
      expect(await webhooks.findDelivery(owner, waiting)).toBeNull();
      expect(await webhooks.replay(owner, waiting)).toBeNull();
      expect(await webhookDeliveries.readDue(binding, later(), 10)).toMatchObject({ isDeleted: true, due: [] });
      await webhookDeliveries.recordErased(binding);
      expect(await webhookDeliveries.readDue(binding, later(), 10)).toBeNull();
    });
  });

  describe("a delivery", () => {
    test("is added once for an event, and is due at once, in the order of events", async () => {
      const { owner, webhook, webhookDeliveries, webhooks, binding } = await start();
      const second = await add(owner, webhook.id, 2);
      const first = await add(owner, webhook.id, 1);
      await add(owner, webhook.id, 1);
      const view = await webhookDeliveries.readDue(binding, later(), 10);
      expect(view?.due).toEqual([
        { id: first, payload: '{"seq":1}', attempts: 0 },
        { id: second, payload: '{"seq":2}', attempts: 0 },
      ]);
      expect((await webhookDeliveries.readDue(binding, later(), 1))?.due).toHaveLength(1);
      const { items } = await webhooks.listDeliveries(owner, webhook.id, WHOLE);
      expect(items.map(({ seq, status }) => [seq, status])).toEqual([
        [2, "pending"],
        [1, "pending"],
      ]);
    });

    test("that failed waits for its next try, and holds it against the webhook until one gets through", async () => {
      const { owner, webhook, webhookDeliveries, webhooks, binding } = await start();
      const id = await add(owner, webhook.id, 1);
      const at = now();
      const nextAttemptAt = addSeconds(at, 300);
      const failed = { at, status: "pending", lastStatus: null, lastError: "timeout", nextAttemptAt } as const;
      const standing = await webhookDeliveries.recordAttempt(binding, attemptOf(id, failed));
      expect(standing).toEqual({ isActive: true, failingSince: at });
      expect(await webhookDeliveries.readDue(binding, later(), 10)).toMatchObject({ due: [], nextAt: nextAttemptAt });
      expect((await webhooks.findDelivery(owner, id))?.delivery).toMatchObject({
        ...{ status: "pending", attempts: 1, lastStatus: null, lastError: "timeout", nextAttemptAt, deliveredAt: null },
      });
      const again = attemptOf(id, { attemptsBefore: 1, at: later() });
      expect(await webhookDeliveries.recordAttempt(binding, again)).toEqual({ isActive: true, failingSince: null });
      expect((await webhooks.findDelivery(owner, id))?.delivery).toMatchObject({
        ...{ status: "delivered", attempts: 2, lastStatus: 204, lastError: null, nextAttemptAt: null },
        deliveredAt: again.at,
      });
      expect(await webhookDeliveries.readDue(binding, later(), 10)).toMatchObject({ due: [], nextAt: null });
    });

    test("takes no notice of a try that is told twice, or of one before its replay", async () => {
      const { owner, webhook, webhookDeliveries, webhooks, binding } = await start();
      const id = await add(owner, webhook.id, 1);
      const gone = attemptOf(id, { attemptsBefore: 0, status: "failed", lastStatus: 500 });
      await webhookDeliveries.recordAttempt(binding, gone);
      await webhookDeliveries.recordAttempt(binding, gone);
      expect((await webhooks.findDelivery(owner, id))?.delivery).toMatchObject({ status: "failed", attempts: 1 });
      expect(await webhooks.replay(owner, id)).toMatchObject({ id, status: "pending", attempts: 0, deliveredAt: null });
      await webhookDeliveries.recordAttempt(binding, attemptOf(id, { attemptsBefore: 7 }));
      expect((await webhookDeliveries.readDue(binding, later(), 10))?.due).toMatchObject([{ id, attempts: 0 }]);
    });

    test("that waits is due at once when its webhook is resumed, unless that is inactive", async () => {
      const { owner, webhook, webhookDeliveries, webhooks, binding } = await start();
      const id = await add(owner, webhook.id, 1);
      const nextAttemptAt = addSeconds(now(), 3600);
      const unsigned = { status: "pending", lastStatus: null, lastError: "unsigned", nextAttemptAt } as const;
      await webhookDeliveries.recordAttempt(binding, attemptOf(id, unsigned));
      await webhooks.resume(await read().register(), webhook.id);
      expect(await webhookDeliveries.readDue(binding, later(), 10)).toMatchObject({ due: [], nextAt: nextAttemptAt });
      await webhooks.resume(owner, webhook.id);
      expect((await webhookDeliveries.readDue(binding, later(), 10))?.due).toMatchObject([{ id, attempts: 1 }]);
      expect((await webhooks.findDelivery(owner, id))?.delivery.lastError).toBe("unsigned");
      await webhookDeliveries.recordAttempt(binding, attemptOf(id, { ...unsigned, attemptsBefore: 1 }));
      await webhookDeliveries.deactivate(binding, "failing");
      await webhooks.resume(owner, webhook.id);
      expect(await webhookDeliveries.readDue(binding, later(), 10)).toMatchObject({ due: [], nextAt: nextAttemptAt });
    });

    test("is not replayed while its webhook is inactive", async () => {
      const { owner, webhook, webhookDeliveries, webhooks, binding } = await start();
      const id = await add(owner, webhook.id, 1);
      await webhookDeliveries.recordAttempt(binding, attemptOf(id));
      await webhookDeliveries.deactivate(binding, "gone");
      expect((await webhooks.find(owner, webhook.id))?.inactiveReason).toBe("gone");
      expect(await webhooks.replay(owner, id)).toBeNull();
      expect(await webhooks.findDelivery(owner, id)).toMatchObject({ isActive: false });
    });

    test("is listed by status", async () => {
      const { owner, webhook, webhookDeliveries, webhooks, binding } = await start();
      const id = await add(owner, webhook.id, 1);
      await add(owner, webhook.id, 2);
      await webhookDeliveries.recordAttempt(binding, attemptOf(id));
      const list = async (status: "pending" | "delivered" | "failed") =>
        (await webhooks.listDeliveries(owner, webhook.id, { ...WHOLE, status })).items.map(({ seq }) => seq);
      expect([await list("pending"), await list("delivered"), await list("failed")]).toEqual([[2], [1], []]);
    });

    test("that was just added is left to its sender by the sweep", async () => {
      const { owner, webhook, webhookDeliveries } = await start();
      await add(owner, webhook.id, 1);
      expect((await webhookDeliveries.leaseDue(100, 60)).map(({ id }) => id)).not.toContain(webhook.id);
    });
  });

  test("whom to tell of an event: active webhooks, with what they ask for and from when on", async () => {
    const { webhookDeliveries, register } = read();
    const owner = await register();
    const webhook = await make(owner, 100, 7);
    const listeners = await webhookDeliveries.listListeners(owner.workspaceId);
    expect(listeners).toMatchObject([{ id: webhook?.id, events: ["apikey.*"], afterSeq: 7 }]);
  });
}
