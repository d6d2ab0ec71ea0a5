import { beforeEach, describe, expect, test } from "vitest";
import { replayDelivery } from "../../../src/services/webhooks/replay-delivery.ts";
import { updateWebhook } from "../../../src/services/webhooks/update-webhook.ts";
import { ADMIN, answered, createWebhookWorld, URL_OF_RECEIVER, type WebhookWorld } from "./webhook-world.ts";

let world: WebhookWorld;
beforeEach(async () => {
  world = await createWebhookWorld();
});

describe("a receiver that asks for an hour", () => {
  const OTHER_URL = "https://other.example.com/";
  const change = (changed: Parameters<typeof updateWebhook>[3]) =>
    updateWebhook(world.deps, ADMIN, world.webhook.id, changed);
  const urls = () => world.received.map(({ url }) => url);

  beforeEach(async () => {
    world.answers.push(answered(429, "3600"));
    await world.queueUp(3);
    await world.advance(60);
    expect(urls()).toEqual([URL_OF_RECEIVER]);
  });

  test("is left alone for it, whatever else happens", async () => {
    await world.queueUp(1);
    await change({ events: ["apikey.created"] });
    await world.advance(3500);
    expect(world.received).toHaveLength(1);
    await world.advance(100);
    expect(new Set(world.statuses())).toEqual(new Set(["delivered"]));
  });

  test("has no say about the address that takes its place", async () => {
    await change({ url: OTHER_URL });
    await world.advance(2);
    expect(urls()).toEqual([URL_OF_RECEIVER, OTHER_URL, OTHER_URL, OTHER_URL]);
    expect(world.statuses()).toEqual(["delivered", "delivered", "delivered"]);
  });

  test("is overruled by an admin who gives the same address again", async () => {
    await change({ url: URL_OF_RECEIVER });
    await world.advance(2);
    expect(world.statuses()).toEqual(["delivered", "delivered", "delivered"]);
  });

  test("is overruled by an admin who activates the webhook again", async () => {
    await change({ isActive: false });
    await change({ isActive: true });
    await world.advance(2);
    expect(world.statuses()).toEqual(["delivered", "delivered", "delivered"]);
  });

  test("is overruled by a replay", async () => {
    const [delivery] = world.deliveries();
    if (delivery === undefined) throw new Error("nothing was handed over");
    await replayDelivery(world.deps, ADMIN, null, delivery.id);
    await world.advance(2);
    expect(world.statuses()).toEqual(["delivered", "delivered", "delivered"]);
  });

  test("after its address was changed is not listened to, and gets nothing more of the crowd", async () => {
    await world.advance(3600);
    await world.queueUp(3);
    const letGo = world.holdAnswer();
    world.answers.push(answered(429, "3600"));
    await world.advance(1);
    const before = world.received.length;
    await change({ url: OTHER_URL });
    letGo();
    await world.advance(30);
    expect(urls().slice(before)).toEqual([OTHER_URL, OTHER_URL, OTHER_URL]);
    expect(new Set(world.statuses())).toEqual(new Set(["delivered"]));
  });
});
