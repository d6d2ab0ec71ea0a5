import { beforeEach, describe, expect, test } from "vitest";
import { deleteWebhook } from "../../../src/services/webhooks/delete-webhook.ts";
import { replayDelivery } from "../../../src/services/webhooks/replay-delivery.ts";
import { rotateWebhookSecret } from "../../../src/services/webhooks/rotate-webhook-secret.ts";
import { updateWebhook } from "../../../src/services/webhooks/update-webhook.ts";
import { ADMIN, answered, createWebhookWorld, TIMEOUT, URL_OF_RECEIVER, type WebhookWorld } from "./webhook-world.ts";

const DAY = 86_400;
let world: WebhookWorld;
beforeEach(async () => {
  world = await createWebhookWorld();
});

describe("a delivery", () => {
  test("is sent to its address, signed, and done with", async () => {
    await world.queueUp(1);
    await world.advance(2);
    const [message] = world.received;
    expect(message).toMatchObject({ url: URL_OF_RECEIVER, body: '{"n":1}', id: world.deliveries()[0]?.id });
    expect(message && world.verifies(message, world.secret)).toBe(true);
    expect(message && world.verifies({ ...message, body: '{"n":2}' }, world.secret)).toBe(false);
    expect(world.deliveries()).toMatchObject([{ status: "delivered", attempts: 1, lastStatus: 204 }]);
    await world.advance(5 * DAY);
    expect([world.received.length, world.alarm.atMs]).toEqual([1, null]);
  });

  test("that fails is tried ten times over days under one id, each time with a timestamp of its own, and then no more", async () => {
    world.answers.push(...Array.from({ length: 20 }, () => answered(500)));
    await world.queueUp(1);
    await world.advance(8 * DAY);
    expect(world.received).toHaveLength(10);
    expect(new Set(world.received.map(({ id }) => id)).size).toBe(1);
    expect(new Set(world.received.map(({ timestamp }) => timestamp)).size).toBe(10);
    expect(world.received.every((message) => world.verifies(message, world.secret))).toBe(true);
    const span = (world.received[9]?.timestamp ?? 0) - (world.received[0]?.timestamp ?? 0);
    expect(span).toBeGreaterThan(1.5 * DAY);
    expect(world.deliveries()).toMatchObject([{ status: "failed", attempts: 10, lastStatus: 500 }]);
    expect(world.deps.metrics.counted("aurora_webhook_deliveries_total")).toEqual({ failed: 9, given_up: 1 });
  });

  test("that fails does not hold up the others", async () => {
    world.answers.push(TIMEOUT, answered(400));
    await world.queueUp(3);
    await world.advance(2);
    expect(world.statuses()).toEqual(["pending", "pending", "delivered"]);
    await world.advance(10);
    expect(world.statuses()).toEqual(["delivered", "delivered", "delivered"]);
    expect(world.deps.metrics.counted("aurora_webhook_deliveries_total")).toEqual({ failed: 2, delivered: 3 });
  });

  test("waits as long as the receiver asks, and the others with it", async () => {
    world.answers.push(answered(429, "120"));
    await world.queueUp(3);
    await world.advance(119);
    expect(world.received).toHaveLength(1);
    await world.advance(3);
    expect(world.statuses()).toEqual(["delivered", "delivered", "delivered"]);
  });

  test("can be sent again whatever became of it, with the same id and a schedule of its own", async () => {
    await world.queueUp(1);
    await world.advance(2);
    const [delivery] = world.deliveries();
    if (delivery === undefined) throw new Error("nothing was delivered");
    world.answers.push(answered(500));
    await replayDelivery(world.deps, ADMIN, world.webhook.id, delivery.id);
    await world.advance(60);
    expect(world.received.map(({ id }) => id)).toEqual([delivery.id, delivery.id, delivery.id]);
    expect(new Set(world.received.map(({ body }) => body)).size).toBe(1);
    expect(world.deliveries()).toMatchObject([{ status: "delivered", attempts: 2 }]);
    expect(world.audit.entries.at(-1)).toMatchObject({
      ...{ action: "webhook.created", actor: { type: "user" }, resource: { type: "webhook", id: world.webhook.id } },
      detail: { change: "replayed", delivery: delivery.id, event: "apikey.created", seq: 1 },
    });
  });
});

describe("a crash", () => {
  test.each(["queue.readDue", "secrets.read", "queue.recordAttempt"])(
    "after %s loses nothing and sends nothing twice",
    async (step) => {
      await world.queueUp(3);
      world.lives.dieAfter = step;
      await world.advance(200);
      expect(world.received.map(({ body }) => body).sort()).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
      expect(world.statuses()).toEqual(["delivered", "delivered", "delivered"]);
    },
  );

  test("before the answer was kept sends it again, under the same id", async () => {
    await world.queueUp(1);
    world.lives.dieAfter = "post";
    await world.advance(200);
    expect(new Set(world.received.map(({ id }) => id)).size).toBe(1);
    expect([world.received.length, world.statuses()]).toEqual([2, ["delivered"]]);
  });

  test("of the sender before it heard of anything is made good by the sweep", async () => {
    await world.queueUp(1);
    world.alarm.atMs = null;
    expect(await world.sweep()).toBe(0);
    await world.pass(40);
    expect([await world.sweep(), await world.sweep()]).toEqual([1, 0]);
    await world.advance(2);
    expect(world.statuses()).toEqual(["delivered"]);
    await world.pass(400);
    expect(await world.sweep()).toBe(0);
  });
});

describe("an outage", () => {
  test("of Vault sends nothing unsigned, counts no try, and everything goes out afterwards", async () => {
    world.secrets.setDown(true);
    await world.queueUp(2);
    await world.advance(600);
    expect([world.received.length, world.deliveries().map(({ attempts }) => attempts)]).toEqual([0, [0, 0]]);
    expect(world.deps.log.lines[0]).toEqual({
      ...{ level: "warn", message: "a webhook's sender waits for a store" },
      fields: { webhook: world.webhook.id, code: "vault_unavailable", failures: 1 },
    });
    world.secrets.setDown(false);
    await world.advance(900);
    expect(world.statuses()).toEqual(["delivered", "delivered"]);
    expect(world.record()).toMatchObject({ failures: 0 });
  });

  test("of Postgres after a delivery was sent does not send it again", async () => {
    await world.queueUp(1);
    const letGo = world.holdAnswer();
    await world.advance(1);
    world.tables.setDown(true);
    letGo();
    await world.advance(120);
    expect(world.record()?.unrecorded).toHaveLength(1);
    world.tables.setDown(false);
    await world.advance(900);
    expect([world.received.length, world.statuses()]).toEqual([1, ["delivered"]]);
  });

  test("of Postgres lasts, and the sender keeps trying", async () => {
    await world.queueUp(1);
    world.tables.setDown(true);
    await world.advance(3600);
    expect(world.alarm.atMs).not.toBeNull();
    world.tables.setDown(false);
    await world.advance(900);
    expect(world.statuses()).toEqual(["delivered"]);
    expect(world.bugs).toEqual([]);
  });

  test("of the receiver for a day and a half loses nothing", async () => {
    world.answers.push(...Array.from({ length: 14 }, () => TIMEOUT));
    await world.queueUp(2);
    await world.advance(6 * DAY);
    expect(world.statuses()).toEqual(["delivered", "delivered"]);
    expect(world.row()?.failingSince).toBeNull();
  });
});

describe("a webhook", () => {
  const ended = () => world.audit.entries.filter(({ actor }) => actor.type === "system");

  test("whose receiver answers 410 is deactivated at once, and the log says so", async () => {
    world.answers.push(answered(410));
    await world.queueUp(3);
    await world.advance(DAY);
    expect([world.received.length, world.statuses()]).toEqual([1, ["failed", "pending", "pending"]]);
    expect(world.row()?.inactiveReason).toBe("gone");
    expect(ended()).toMatchObject([
      {
        ...{ action: "webhook.deleted", resource: { type: "webhook", id: world.webhook.id } },
        detail: { change: "deactivated", reason: "gone" },
      },
    ]);
    await updateWebhook(world.deps, ADMIN, world.webhook.id, { isActive: true });
    await world.advance(2);
    expect(world.statuses()).toEqual(["failed", "delivered", "delivered"]);
  });

  test("that nothing gets through to is deactivated after days, not after the first delivery that failed", async () => {
    world.answers.push(...Array.from({ length: 200 }, () => TIMEOUT));
    await world.queueUp(1);
    await world.advance(4.6 * DAY);
    expect(world.statuses()).toEqual(["failed"]);
    expect(world.row()).toMatchObject({ inactiveReason: null, failingSince: expect.any(Number) });
    await world.queueUp(1);
    await world.advance(6 * DAY);
    expect([world.statuses(), world.row()?.inactiveReason]).toEqual([["failed", "failed"], "failing"]);
    expect(ended()).toHaveLength(1);
  });

  test("is deactivated and said to be although the sender dies in between", async () => {
    world.answers.push(answered(410));
    await world.queueUp(1);
    world.lives.dieAfter = "queue.deactivate";
    await world.advance(300);
    expect(world.row()?.inactiveReason).toBe("gone");
    expect(ended()).toHaveLength(1);
  });

  test("that is paused while a crowd goes out is sent no more of it", async () => {
    await world.queueUp(3);
    const letGo = world.holdAnswer();
    await world.advance(1);
    await updateWebhook(world.deps, ADMIN, world.webhook.id, { isActive: false });
    letGo();
    await world.advance(DAY);
    expect([world.received.length, world.statuses()]).toEqual([1, ["delivered", "pending", "pending"]]);
  });

  test("that is deleted is told nothing more, and its secret is erased as soon as Vault is back", async () => {
    await world.queueUp(2);
    world.secrets.setDown(true);
    expect(await deleteWebhook(world.deps, ADMIN, world.webhook.id)).toBe("pending");
    await world.advance(60);
    expect([world.received.length, world.statuses()]).toEqual([0, ["dropped", "dropped"]]);
    world.secrets.setDown(false);
    expect(world.secrets.paths()).toHaveLength(1);
    await world.advance(120);
    await world.sweep();
    await world.advance(900);
    expect([world.secrets.paths(), world.row()?.isErased, world.record()]).toEqual([[], true, null]);
    expect(world.alarm.atMs).toBeNull();
  });

  test("whose URL was changed is told at the new one, also of what waited", async () => {
    world.answers.push(TIMEOUT);
    await world.queueUp(1);
    await world.advance(1);
    await updateWebhook(world.deps, ADMIN, world.webhook.id, { url: "https://other.example.com/" });
    await world.advance(60);
    expect(world.received.map(({ url }) => url)).toEqual([URL_OF_RECEIVER, "https://other.example.com/"]);
  });
});

describe("a rotated secret", () => {
  test("signs beside the new one until its grace ends", async () => {
    const { secret } = await rotateWebhookSecret(world.deps, ADMIN, world.webhook.id, 3600);
    await world.queueUp(1);
    await world.advance(2);
    await world.advance(3600);
    await world.queueUp(1);
    await world.advance(2);
    const [during, after] = world.received;
    if (during === undefined || after === undefined) throw new Error("nothing was received");
    expect([world.verifies(during, world.secret), world.verifies(during, secret)]).toEqual([true, true]);
    expect([world.verifies(after, world.secret), world.verifies(after, secret)]).toEqual([false, true]);
    expect([during.signatures.length, after.signatures.length]).toEqual([2, 1]);
  });

  test("takes the place of one that somebody deleted in Vault", async () => {
    await world.secrets.deleteNewest(world.place);
    await world.queueUp(1);
    await world.advance(DAY);
    expect(world.received).toEqual([]);
    const { secret } = await rotateWebhookSecret(world.deps, ADMIN, world.webhook.id, 0);
    await world.advance(2);
    const [message] = world.received;
    expect(message && world.verifies(message, secret)).toBe(true);
    expect(world.row()?.failingSince).toBeNull();
  });

  test("is missed where the workspace and the operator look, while there is none", async () => {
    await world.secrets.deleteNewest(world.place);
    await world.queueUp(1);
    await world.advance(120);
    expect(world.deliveries()).toMatchObject([{ status: "pending", attempts: 2, lastError: "unsigned" }]);
    expect(world.row()?.failingSince).not.toBeNull();
    const line = {
      level: "warn",
      message: "a webhook's signing secret is gone",
      fields: { webhook: world.webhook.id },
    };
    expect(world.deps.log.lines).toEqual([line, line]);
    await world.advance(6 * DAY);
    await world.queueUp(1);
    await world.advance(6 * DAY);
    expect([world.row()?.inactiveReason, world.received]).toEqual(["failing", []]);
  });
});
