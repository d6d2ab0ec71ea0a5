import { beforeEach, describe, expect, test } from "vitest";
import { createWebhook } from "../../../src/services/webhooks/create-webhook.ts";
import { deleteWebhook } from "../../../src/services/webhooks/delete-webhook.ts";
import { updateWebhook } from "../../../src/services/webhooks/update-webhook.ts";
import { ADMIN, createWebhookWorld, URL_OF_RECEIVER, type WebhookWorld } from "./webhook-world.ts";

let world: WebhookWorld;
beforeEach(async () => {
  world = await createWebhookWorld();
});

describe("an event", () => {
  test("becomes a delivery for every webhook that asked for it, and for no other", async () => {
    const other = await createWebhook(world.deps, ADMIN, { url: URL_OF_RECEIVER, events: ["apikey.revoked"] });
    world.happen("apikey.created");
    world.happen("apikey.revoked");
    world.happen("usage.abnormal");
    await world.fanOut();
    expect(world.deliveries().map(({ webhookId, event }) => [webhookId, event])).toEqual([
      [world.webhook.id, "apikey.created"],
      [world.webhook.id, "apikey.revoked"],
      [other.webhook.id, "apikey.revoked"],
    ]);
    expect(world.queue.waiting(10)).toEqual([]);
  });

  test("keeps the id of its delivery when it is handed over again after a crash", async () => {
    const seq = world.happen();
    await world.fanOut();
    const [first] = world.deliveries();
    world.queue.add({ seq, event: "apikey.created", payload: '{"n":1}' });
    world.tables.deliveryRows.clear();
    await world.fanOut();
    expect(world.deliveries().map(({ id }) => id)).toEqual([first?.id]);
    expect(first?.id).toMatch(/^msg_[0-9a-f]{32}$/);
  });

  test("that is handed over twice is sent once", async () => {
    const seq = world.happen();
    await world.fanOut();
    await world.advance(2);
    world.queue.add({ seq, event: "apikey.created", payload: '{"n":1}' });
    await world.fanOut();
    await world.advance(600);
    expect(world.received).toHaveLength(1);
  });

  test("of before the webhook was made is not its own, one from right after it is", async () => {
    world.happen();
    const { webhook } = await createWebhook(world.deps, ADMIN, { url: URL_OF_RECEIVER, events: ["apikey.*"] });
    const after = world.happen();
    await world.fanOut();
    const its = world.deliveries().filter(({ webhookId }) => webhookId === webhook.id);
    expect(its.map(({ seq }) => seq)).toEqual([after]);
  });

  test("waits while Postgres is away, and is tried again later and later", async () => {
    world.happen();
    world.tables.setDown(true);
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      await expect(world.fanOut()).rejects.toMatchObject({ code: "database_unavailable" });
      expect(world.queue.retryAtMs() - world.time.nowMs()).toBe(seconds * 1000);
    }
    world.tables.setDown(false);
    await world.fanOut();
    await world.advance(2);
    expect([world.received.length, world.queue.failures()]).toEqual([1, 0]);
  });

  test("comes in hundreds and none is left out", async () => {
    for (let count = 0; count < 120; count += 1) world.happen();
    await world.fanOut();
    await world.advance(300);
    expect(world.received.map(({ body }) => body)).toEqual(Array.from({ length: 120 }, (_, n) => `{"n":${n + 1}}`));
  });
});

describe("a workspace without a webhook", () => {
  beforeEach(async () => {
    await deleteWebhook(world.deps, ADMIN, world.webhook.id);
    await world.pass(121);
    world.happen();
    await world.fanOut();
  });

  test("is asked about once, and again after a day", async () => {
    expect(world.queue.knowsNone()).toBe(true);
    await world.pass(86_401);
    expect(world.queue.knowsNone()).toBe(false);
  });

  test("is looked at again from before its next webhook is written", async () => {
    world.tables.setDown(true);
    const draft = { url: URL_OF_RECEIVER, events: ["apikey.*"] } as const;
    await expect(createWebhook(world.deps, ADMIN, draft)).rejects.toMatchObject({ code: "database_unavailable" });
    expect(world.queue.knowsNone()).toBe(false);
    world.tables.setDown(false);
    // None was made: for two minutes that is not believed, since one may be on its way.
    world.happen();
    await world.fanOut();
    expect(world.queue.knowsNone()).toBe(false);
    await createWebhook(world.deps, ADMIN, draft);
    world.happen();
    await world.fanOut();
    await world.advance(2);
    expect(world.received).toHaveLength(1);
  });
});

test("a webhook that is paused is told of nothing that happens meanwhile, and of everything afterwards", async () => {
  await updateWebhook(world.deps, ADMIN, world.webhook.id, { isActive: false });
  await world.pass(200);
  world.happen();
  await world.fanOut();
  expect(world.queue.knowsNone()).toBe(true);
  await updateWebhook(world.deps, ADMIN, world.webhook.id, { isActive: true });
  const after = world.happen();
  await world.fanOut();
  expect(world.deliveries().map(({ seq }) => seq)).toEqual([after]);
});
