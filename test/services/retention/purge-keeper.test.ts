import { describe, expect, test } from "vitest";
import { createKeeperWorld, type KeeperWorld } from "../../support/keeper-world.ts";

/** A connection that was disconnected as it should be. */
async function createEndedWorld(): Promise<KeeperWorld> {
  const world = createKeeperWorld();
  await world.connect();
  await world.erase();
  return world;
}

/** Nothing is left of it but the row. */
async function expectPurged(world: KeeperWorld) {
  expect(await world.stored()).toBeNull();
  expect(world.cache.copies.size).toBe(0);
  expect(world.state.read()).toBeNull();
  expect(world.state.alarmAtMs).toBeNull();
}

describe("purging a keeper", () => {
  test("erases the secret once more, without a word to the provider or the audit log", async () => {
    const world = await createEndedWorld();
    const [actions, revocations] = [world.actions(), [...world.server.revocations]];
    await world.secrets.write(world.place, { left: "behind" }, 0);
    expect(await world.purge()).toBe("purged");
    await expectPurged(world);
    expect(world.actions()).toEqual(actions);
    expect(world.server.revocations).toEqual(revocations);
  });

  test("again, after its storage is gone, finds nothing to do and leaves nothing", async () => {
    const world = await createEndedWorld();
    await world.purge();
    const actions = world.actions();
    expect(await world.purge()).toBe("purged");
    await expectPurged(world);
    expect(world.actions()).toEqual(actions);
  });

  test("deletes the copies of every version, also of those nobody remembers", async () => {
    const world = await createEndedWorld();
    const credential = { version: 7, tokenData: {}, issuedAt: world.time.now(), expiresAt: null };
    await world.cache.write(world.binding, credential);
    expect(await world.purge()).toBe("purged");
    await expectPurged(world);
  });

  test("while the secret store is away is pending, and goes on by the alarm", async () => {
    const world = await createEndedWorld();
    await world.secrets.write(world.place, { left: "behind" }, 0);
    world.secrets.setDown(true);
    expect(await world.purge()).toBe("pending");
    expect(world.state.alarmAtMs).not.toBeNull();
    await world.advance(60);
    world.secrets.setDown(false);
    await world.advance(600);
    expect(await world.stored()).toBeNull();
    expect(await world.purge()).toBe("purged");
    await expectPurged(world);
    expect(world.bugs).toEqual([]);
  });

  test("while the cache is away is pending, and keeps what it knows", async () => {
    const world = await createEndedWorld();
    world.cache.setDown(true);
    expect(await world.purge()).toBe("pending");
    expect(world.record().erasure).toMatchObject({ rowGone: true });
    world.cache.setDown(false);
    expect(await world.purge()).toBe("purged");
    await expectPurged(world);
  });

  test("finishes a disconnect that the store's absence held up: revoked once, then erased", async () => {
    const world = createKeeperWorld();
    await world.connect();
    world.secrets.setDown(true);
    expect(await world.erase()).toBe("pending");
    world.secrets.setDown(false);
    expect(await world.purge()).toBe("purged");
    await expectPurged(world);
    expect(world.server.revocations).toHaveLength(1);
    expect(world.actions().filter((action) => action === "connection.disconnected")).toHaveLength(1);
  });

  test("waits for the provider to end a grant, and no longer than it is asked to", async () => {
    const world = createKeeperWorld();
    await world.connect();
    world.secrets.setDown(true);
    await world.erase();
    world.secrets.setDown(false);
    world.server.revocationBehaviours.push(...Array.from({ length: 100 }, () => ({ kind: "fail" }) as const));
    expect(await world.purge()).toBe("pending");
    expect(await world.stored()).toBeNull();
    expect(await world.purge()).toBe("pending");
    await world.advance(2 * 86_400);
    expect(await world.purge()).toBe("purged");
    await expectPurged(world);
  });

  test("of a keeper that still thinks its connection lives revokes the grant and refreshes no more", async () => {
    const world = createKeeperWorld();
    await world.connect();
    expect(await world.purge()).toBe("purged");
    await expectPurged(world);
    expect(world.server.revocations).toHaveLength(1);
    await world.advance(100_000);
    expect(world.server.calls).toEqual([]);
    expect(world.bugs).toEqual([]);
  });

  test("twice at once purges once", async () => {
    const world = await createEndedWorld();
    const before = world.lives.calls.length;
    const go = world.lives.hold("secrets.erase");
    const both = [world.purge(), world.purge()];
    await world.time.flush();
    go();
    expect(await Promise.all(both)).toEqual(["purged", "purged"]);
    await expectPurged(world);
    expect(world.lives.calls.slice(before).filter((call) => call === "secrets.erase")).toHaveLength(1);
  });

  test("beside its own alarm leaves no storage and no error", async () => {
    const world = await createEndedWorld();
    const go = world.lives.hold("secrets.erase");
    const purging = world.purge();
    await world.time.flush();
    const waking = world.wake();
    go();
    expect(await purging).toBe("purged");
    await waking;
    await expectPurged(world);
  });

  test.each(["secrets.erase", "cache.purgeAll"])("that dies after %s is done again from the start", async (step) => {
    const world = await createEndedWorld();
    world.lives.dieAfter = step;
    void world.purge();
    await world.time.flush();
    expect(world.state.read()).not.toBeNull();
    expect(await world.purge()).toBe("purged");
    await expectPurged(world);
  });
});
