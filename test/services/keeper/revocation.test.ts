import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/domain/errors.ts";
import { requireId } from "../../../src/domain/ids.ts";
import type { Behaviour } from "../../support/fake-provider.ts";
import { createKeeperWorld, type KeeperWorld } from "../../support/keeper-world.ts";

const DAY = 86_400;

async function createWorldWith(...behaviours: readonly Behaviour[]) {
  const world = createKeeperWorld();
  await world.connect();
  world.server.revocationBehaviours.push(...behaviours);
  return world;
}

const manyTimes = (behaviour: Behaviour) => Array.from({ length: 2000 }, () => behaviour);
const disconnects = (world: KeeperWorld) =>
  world.audit.entries.filter(({ action }) => action === "connection.disconnected");
const givenUp = (world: KeeperWorld) =>
  world.audit.entries.filter(({ action, outcome }) => action === "connection.updated" && outcome === "failure");

/** Nothing is left to do, nothing secret is kept, and the disconnect was recorded once, as a success. */
function expectOver(world: KeeperWorld) {
  expect(world.record().erasure).toMatchObject({ secretGone: true, unrevoked: null });
  expect(JSON.stringify(world.record())).not.toContain("sealed");
  expect(disconnects(world)).toMatchObject([{ outcome: "success" }]);
  expect(world.bugs).toEqual([]);
}

describe("a grant whose provider is away at the disconnect", () => {
  test("is ended when the provider is back; the secret is erased at once all the same", async () => {
    const world = await createWorldWith({ kind: "fail" }, { kind: "fail" }, { kind: "fail" });
    expect(await world.erase()).toBe("erased");
    expect(world.secrets.paths()).toEqual([]);
    expect(world.row()).toMatchObject({ isActive: false });
    await expect(world.call()).rejects.toMatchObject({ code: "not_found" });
    expect(JSON.stringify(world.state.read())).not.toMatch(/refresh-1|access-1/);
    await world.advance(60);
    expect(world.server.revocations).toEqual(["refresh-1"]);
    expectOver(world);
    expect(givenUp(world)).toEqual([]);
    await world.advance(60);
    expect(world.state.alarmAtMs).toBeNull();
  });

  test("is not asked for again sooner than the provider wants", async () => {
    const world = await createWorldWith({ kind: "busy", retryAfterSeconds: 600 });
    await world.erase();
    await world.advance(599);
    expect(world.server.revocations).toEqual([]);
    await world.advance(2);
    expect(world.server.revocations).toEqual(["refresh-1"]);
  });

  test("is given up after a day, which is said once, and nothing of it is kept", async () => {
    const world = await createWorldWith(...manyTimes({ kind: "fail" }));
    await world.erase();
    await world.advance(DAY - 1000);
    expect(givenUp(world)).toEqual([]);
    await world.advance(1000);
    expect(givenUp(world)).toMatchObject([{ detail: { change: "revocation", reason: "provider_unavailable" } }]);
    expectOver(world);
    const tried = world.server.revocationBehaviours.length;
    await world.advance(DAY);
    expect(world.server.revocationBehaviours).toHaveLength(tried);
    expect(2000 - tried).toBeLessThan(300);
  });

  test("is ended by the next life when this one dies in the middle of it", async () => {
    const world = await createWorldWith();
    world.lives.hold("provider.revoke");
    void world.erase();
    await world.time.flush();
    world.crash();
    await world.advance(120);
    expect(world.server.revocations).toEqual(["refresh-1"]);
    expectOver(world);
  });

  test("is asked for once by the disconnect and an alarm at the same time", async () => {
    const world = await createWorldWith();
    const go = world.lives.hold("provider.revoke");
    const erasing = world.erase();
    await world.time.flush();
    const waking = world.wake();
    await world.time.flush();
    go();
    await Promise.all([erasing, waking]);
    expect(world.server.revocations).toEqual(["refresh-1"]);
  });

  test("is left alone when another connection of that account was made meanwhile", async () => {
    const world = await createWorldWith({ kind: "fail" });
    await world.store(undefined, { upstreamAccount: "hash-of-account" });
    const row = world.row();
    if (row === undefined) throw new Error("no row");
    await world.erase();
    const other = requireId("con", `con_${"e".repeat(32)}`);
    world.connections.rows.set(other, { ...row, id: other });
    await world.advance(60);
    expect(world.server.revocations).toEqual([]);
    expectOver(world);
  });

  test("waits for Postgres, too, which knows of other connections", async () => {
    const world = await createWorldWith();
    world.lives.losing.set("connections.hasOtherLiveGrant", new AppError("database_unavailable", "It is down."));
    expect(await world.erase()).toBe("erased");
    expect(world.server.revocations).toEqual([]);
    await world.advance(60);
    expect(world.server.revocations).toEqual(["refresh-1"]);
    expectOver(world);
  });

  test("is ended although the secret store is away, by what is in escrow", async () => {
    const world = await createWorldWith();
    world.secrets.setDown(true);
    await expect(world.store()).rejects.toMatchObject({ code: "vault_unavailable" });
    expect(await world.erase()).toBe("pending");
    expect(world.server.revocations).toEqual(["refresh-2"]);
    world.secrets.setDown(false);
    await world.advance(60);
    expect(world.server.revocations).toEqual(["refresh-2"]);
    expectOver(world);
  });

  test("is ended by the token that came last, also when it came after the disconnect", async () => {
    const world = await createWorldWith({ kind: "fail" });
    await world.pass(3360);
    const go = world.lives.hold("sealer.seal");
    const asked = world.call().catch(() => undefined);
    await world.time.flush();
    await world.erase();
    go();
    await asked;
    await world.advance(60);
    expect(world.server.revocations).toEqual(["refresh-2"]);
    expectOver(world);
  });
});

describe("a provider that refuses to end a grant", () => {
  test("is not asked again, and it is said once", async () => {
    const world = await createWorldWith({ kind: "reject" });
    expect(await world.erase()).toBe("erased");
    await world.advance(DAY);
    expect(world.server.revocations).toEqual([]);
    expect(givenUp(world)).toMatchObject([{ detail: { change: "revocation", reason: "provider_rejected" } }]);
    expectOver(world);
  });
});
