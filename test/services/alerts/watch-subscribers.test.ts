import { describe, expect, test } from "vitest";
import { type Subscriber, subscriberKey } from "../../../src/domain/alert-subscriber.ts";
import { AppError } from "../../../src/domain/errors.ts";
import { type EpochSeconds, epochSeconds } from "../../../src/domain/time.ts";
import { createSubscriberWatch } from "../../../src/services/alerts/watch-subscribers.ts";
import { createFakeTime, START_SECONDS } from "../../support/fake-time.ts";
import { createFakeSockets, SUBSCRIBER, subscriberFor } from "./fake-sockets.ts";

const OTHER = subscriberFor("2", "2");

/** A database that knows until when each may listen, and can be slow or away. */
function createWorld(...good: readonly Subscriber[]) {
  const time = createFakeTime();
  const { open, sockets } = createFakeSockets();
  const live = new Map<string, EpochSeconds | null>(good.map((subscriber) => [subscriberKey(subscriber), null]));
  const database = { isAway: false, isHanging: false, slowMs: 0, asked: [] as number[] };
  const watch = createSubscriberWatch({
    sockets,
    nowMs: time.nowMs,
    sleep: time.sleep,
    within: (ms, work) => Promise.race([work, time.sleep(ms).then(() => null)]),
    prove: async (subscribers) => {
      database.asked.push(subscribers.length);
      // What it says is true when it is asked, not when it is heard.
      const answer = new Map(live);
      await time.flush();
      if (database.slowMs > 0) await time.sleep(database.slowMs);
      if (database.isHanging) await new Promise(() => undefined);
      if (database.isAway) throw new AppError("database_unavailable", "away");
      return answer;
    },
  });
  const admit = (subscriber: Subscriber) =>
    watch.admit(subscriber, (proven) => open({ subscriber: proven, provenAtMs: time.nowMs() }));
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await time.flush();
  };
  return { time, watch, live, database, open, sockets, admit, settle };
}

describe("who wants a socket", () => {
  test("is proven, all who come at once in one go or two", async () => {
    const { admit, database, sockets } = createWorld(SUBSCRIBER, OTHER);
    await Promise.all(Array.from({ length: 50 }, (_, index) => admit(index % 2 ? SUBSCRIBER : OTHER)));
    expect(sockets()).toHaveLength(50);
    expect(database.asked.length).toBeLessThanOrEqual(2);
  });

  test("is refused when its credential is not good any more", async () => {
    const { admit, sockets } = createWorld(OTHER);
    await expect(admit(SUBSCRIBER)).rejects.toMatchObject({ code: "unauthenticated" });
    expect(sockets()).toEqual([]);
  });

  test("is refused when the database is away, or takes its time", async () => {
    const { admit, database, time, sockets } = createWorld(SUBSCRIBER);
    database.isAway = true;
    await expect(admit(SUBSCRIBER)).rejects.toMatchObject({ code: "database_unavailable" });
    database.isAway = false;
    database.isHanging = true;
    const refused = expect(admit(SUBSCRIBER)).rejects.toMatchObject({ code: "database_unavailable" });
    await time.advance(9);
    expect(sockets()).toEqual([]);
    await time.advance(1);
    await refused;
  });

  test("is let in by a database that takes its nine seconds, which hold up no doubt", async () => {
    const { admit, watch, open, database, time } = createWorld(SUBSCRIBER);
    const doubted = open({ subscriber: OTHER });
    database.slowMs = 9000;
    const admitted = admit(SUBSCRIBER);
    await time.advance(1);
    watch.doubt([OTHER.credentialId]);
    await time.advance(4.9);
    expect(doubted.closedWith()).toMatchObject({ code: 1008 });
    await time.advance(4);
    expect((await admitted).closedWith()).toBeNull();
  });

  test("is proven again when its credential is revoked while it is being proven", async () => {
    const { admit, watch, live } = createWorld(SUBSCRIBER);
    const admitted = admit(SUBSCRIBER);
    live.clear();
    watch.doubt([SUBSCRIBER.credentialId]);
    await expect(admitted).rejects.toMatchObject({ code: "unauthenticated" });
  });

  test("is closed when its credential is revoked in the very moment it was let in", async () => {
    const { watch, live, open, settle } = createWorld(SUBSCRIBER);
    const socket = await watch.admit(SUBSCRIBER, (subscriber) => {
      const opened = open({ subscriber });
      live.clear();
      watch.doubt([SUBSCRIBER.credentialId]);
      return opened;
    });
    await settle();
    expect(socket.closedWith()).toMatchObject({ code: 1008 });
  });
});

describe("who has a socket", () => {
  test("loses it when a doubt proves right, and others keep theirs", async () => {
    const { watch, live, open, settle, database } = createWorld(SUBSCRIBER, OTHER);
    const [revoked, second, kept] = [open(), open(), open({ subscriber: OTHER })];
    live.delete(subscriberKey(SUBSCRIBER));
    watch.doubt([SUBSCRIBER.credentialId]);
    await settle();
    expect(revoked.closedWith()).toMatchObject({ code: 1008 });
    expect(second.closedWith()).toMatchObject({ code: 1008 });
    expect(kept.closedWith()).toBeNull();
    expect(database.asked).toEqual([1]);
  });

  test("is found by the person it belongs to or acts for", async () => {
    const key = subscriberFor("3", "2", "key");
    const { watch, open, settle } = createWorld();
    const sockets = [
      open({ subscriber: OTHER }),
      open({ subscriber: key }),
      open({ subscriber: subscriberFor("3", null, "key") }),
    ];
    watch.doubt([OTHER.userId ?? ""]);
    await settle();
    expect(sockets.map((socket) => socket.closedWith()?.code)).toEqual([1008, 1008, undefined]);
  });

  test("keeps it through a doubt that proves wrong, until the end the credential has now", async () => {
    const { watch, live, open, settle, time } = createWorld(SUBSCRIBER);
    const socket = open();
    live.set(subscriberKey(SUBSCRIBER), epochSeconds(START_SECONDS + 10));
    watch.doubt([SUBSCRIBER.credentialId]);
    await settle();
    expect(socket.closedWith()).toBeNull();
    expect(watch.dueMs()).toBe((START_SECONDS + 10) * 1000);
    await time.advance(10);
    watch.run();
    expect(socket.closedWith()).toEqual({ code: 1008, reason: "the credential has expired" });
    expect(watch.dueMs()).toBe(Infinity);
  });

  test("is asked about once more when something happens while the answer is on its way", async () => {
    const { watch, live, open, settle, database } = createWorld(SUBSCRIBER);
    const socket = open();
    watch.doubt([SUBSCRIBER.credentialId]);
    live.clear();
    watch.doubt([SUBSCRIBER.credentialId]);
    await settle();
    expect(socket.closedWith()).toMatchObject({ code: 1008 });
    expect(database.asked).toEqual([1, 1]);
  });

  test.each(["isAway", "isHanging"] as const)(
    "loses it within five seconds when a doubt cannot be settled (%s)",
    async (how) => {
      const { watch, open, time, database } = createWorld(SUBSCRIBER, OTHER);
      const [doubted, other] = [open(), open({ subscriber: OTHER })];
      database[how] = true;
      // The worst case: a proof that will not come has just begun.
      watch.doubt([SUBSCRIBER.credentialId]);
      await time.advance(0.1);
      watch.doubt([SUBSCRIBER.credentialId]);
      await time.advance(4.8);
      expect(doubted.closedWith()).toMatchObject({ code: 1008 });
      expect(other.closedWith()).toBeNull();
    },
  );

  test("keeps it through a doubt when the database comes back in time", async () => {
    const { watch, open, time, database } = createWorld(SUBSCRIBER);
    const socket = open();
    database.isAway = true;
    watch.doubt([SUBSCRIBER.credentialId]);
    await time.advance(1);
    database.isAway = false;
    await time.advance(10);
    expect(socket.closedWith()).toBeNull();
  });
});

describe("the routine", () => {
  test("proves everybody a minute after the last proof, in one go", async () => {
    const { watch, live, open, settle, time, database } = createWorld(SUBSCRIBER, OTHER);
    const atMs = time.nowMs();
    const sockets = [open({ provenAtMs: atMs }), open({ provenAtMs: atMs + 500, subscriber: OTHER })];
    expect(watch.dueMs()).toBe(atMs + 60_000);
    watch.run();
    await settle();
    expect(database.asked).toEqual([]);
    live.delete(subscriberKey(OTHER));
    await time.advance(60);
    watch.run();
    await settle();
    expect(database.asked).toEqual([2]);
    expect(sockets.map((socket) => socket.closedWith()?.code)).toEqual([undefined, 1008]);
    expect(watch.dueMs()).toBe(time.nowMs() + 60_000);
  });

  test("closes nobody while the database is away, and comes again a minute later", async () => {
    const { watch, open, settle, time, database } = createWorld(SUBSCRIBER);
    const socket = open({ provenAtMs: time.nowMs() });
    database.isAway = true;
    await time.advance(60);
    watch.run();
    await settle();
    expect(socket.closedWith()).toBeNull();
    expect(watch.dueMs()).toBe(time.nowMs() + 60_000);
    expect(database.asked).toEqual([1]);
  });

  test("has nothing to do while nobody listens", () => {
    const { watch } = createWorld();
    expect(watch.dueMs()).toBe(Infinity);
    watch.run();
  });
});
