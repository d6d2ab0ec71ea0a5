import { describe, expect, test } from "vitest";
import { requireId } from "../../../src/domain/ids.ts";
import { createKeeperWorld, type KeeperWorld } from "../../support/keeper-world.ts";

async function createDueWorld() {
  const world = createKeeperWorld();
  await world.connect();
  await world.pass(3360);
  return world;
}

/** Nothing is left, nothing comes back, and it was revoked once. */
async function expectErased(world: KeeperWorld, revocations = 1) {
  await world.advance(4000);
  expect(world.secrets.paths()).toEqual([]);
  expect(world.cache.copies.has(`${world.binding.id}:${world.row()?.version}`)).toBe(false);
  expect(world.row()).toMatchObject({ isActive: false });
  expect(world.server.revocations).toHaveLength(revocations);
  expect(world.record()).toMatchObject({ escrow: null, intent: null, untold: null, dueAt: null, retryAt: null });
  expect(world.actions().filter((action) => action === "connection.disconnected")).toHaveLength(1);
  await expect(world.call()).rejects.toMatchObject({ code: "not_found" });
  await expect(world.store()).rejects.toMatchObject({ code: "not_found" });
  expect(world.secrets.paths()).toEqual([]);
}

/** What was on its way may land; nothing new is begun. */
function expectNoWriteSince(world: KeeperWorld, before: number) {
  const writes = ["secrets.write", "connections.recordSecret", "connections.recordFailure", "cache.write"];
  expect(world.lives.calls.slice(before).filter((name) => writes.includes(name))).toEqual([]);
}

describe("a disconnect", () => {
  test("of an idle connection erases it at once", async () => {
    const world = createKeeperWorld();
    await world.connect();
    expect(await world.erase()).toBe("erased");
    await expectErased(world);
  });

  test.each([
    ["secrets.read", 1],
    ["provider.refresh", 1],
    // What the provider gave just now is revoked as well: nobody will ever hold it.
    ["sealer.seal", 2],
    ["sealer.open", 1],
    ["secrets.write", 1],
    ["connections.recordSecret", 1],
    ["cache.write", 1],
    ["audit.recordOnce", 1],
  ])("while a refresh is at %s wins, and its caller gets nothing", async (step, revocations) => {
    const world = await createDueWorld();
    const go = world.lives.hold(step);
    const asked = expect(world.call()).rejects.toMatchObject({ code: "not_found" });
    await world.time.flush();
    const before = world.lives.calls.length;
    const erasing = world.erase();
    await world.time.flush();
    go();
    expect(await erasing).toBe("erased");
    await asked;
    await expectErased(world, revocations);
    expectNoWriteSince(world, before);
  });

  test.each([
    ["sealer.seal", "not_found"],
    ["secrets.readNewestVersion", "conflict"],
    ["secrets.write", "conflict"],
    ["connections.recordSecret", "conflict"],
  ])("while a reconnect is at %s wins", async (step, code) => {
    const world = await createDueWorld();
    const go = world.lives.hold(step);
    const storing = expect(world.store()).rejects.toMatchObject({ code });
    await world.time.flush();
    const before = world.lives.calls.length;
    const erasing = world.erase();
    await world.time.flush();
    go();
    await erasing;
    await storing;
    await expectErased(world);
    expectNoWriteSince(world, before);
  });

  test("refuses a new secret only once its row is out of the way, even if it has not come to that itself", async () => {
    const world = await createDueWorld();
    const go = world.lives.hold("connections.disconnect");
    const erasing = world.erase();
    await world.time.flush();
    await expect(world.store()).rejects.toMatchObject({ code: "not_found" });
    expect(world.row()).toMatchObject({ isActive: false });
    go();
    await erasing;
    await expectErased(world);
  });

  test("while a reconnect waits for the secret store is what the reconnect is told of", async () => {
    const world = await createDueWorld();
    const go = world.lives.hold("secrets.write");
    const storing = expect(world.store()).rejects.toMatchObject({ code: "conflict" });
    await world.time.flush();
    const erasing = world.erase();
    world.secrets.setDown(true);
    go();
    await erasing;
    await storing;
    world.secrets.setDown(false);
    await expectErased(world);
  });

  test("while the provider hangs does not wait for it, and the late answer goes nowhere", async () => {
    const world = await createDueWorld();
    world.server.behaviours.push({ kind: "slow", seconds: 50 });
    const asked = expect(world.call()).rejects.toMatchObject({ code: "not_found" });
    await world.pass(1);
    expect(await world.erase()).toBe("erased");
    await world.pass(9);
    await asked;
    await expectErased(world);
  });

  test("does not lend a caller who waits for a hanging provider the old token", async () => {
    const world = await createDueWorld();
    world.server.behaviours.push({ kind: "hang" });
    const asked = world.call();
    const refused = expect(asked).rejects.toMatchObject({ code: "not_found" });
    await world.pass(9);
    await world.erase();
    await world.pass(1);
    await refused;
  });

  test("of a forced caller who waits for another run starts no run of its own", async () => {
    const world = createKeeperWorld();
    await world.connect();
    const go = world.lives.hold("secrets.read");
    const asked = [world.call(), world.call(true)].map((answer) =>
      expect(answer).rejects.toMatchObject({ code: "not_found" }),
    );
    await world.time.flush();
    const erasing = world.erase();
    go();
    await Promise.all([erasing, ...asked]);
    expect(world.server.calls).toHaveLength(0);
    await expectErased(world);
  });

  test("revokes with the token that came last", async () => {
    const world = await createDueWorld();
    await world.call();
    await world.erase();
    expect(world.server.revocations).toEqual(["refresh-2"]);
  });

  test("revokes with the escrowed token when that is the newest", async () => {
    const world = await createDueWorld();
    const go = world.lives.hold("secrets.write");
    const asked = world.call();
    await world.time.flush();
    world.secrets.setDown(true);
    go();
    await asked;
    expect(await world.erase()).toBe("pending");
    world.secrets.setDown(false);
    await expectErased(world);
    expect(world.server.revocations).toEqual(["refresh-2"]);
  });

  test("asked for twice at once, and again later, does everything once", async () => {
    const world = await createDueWorld();
    expect(await Promise.all([world.erase(), world.erase()])).toEqual(["erased", "erased"]);
    expect(await world.erase()).toBe("erased");
    await expectErased(world);
  });

  test("of a connection the keeper never heard of succeeds", async () => {
    const world = createKeeperWorld();
    expect(await world.erase()).toBe("erased");
    expect(world.server.revocations).toEqual([]);
    expect(world.state.alarmAtMs === null || world.record().erasure?.secretGone).toBe(true);
  });

  test("leaves the grant alone while another live connection holds it", async () => {
    const world = createKeeperWorld();
    await world.connect();
    await world.store(undefined, { upstreamAccount: "hash-of-account" });
    const row = world.row();
    if (row === undefined) throw new Error("no row");
    const other = requireId("con", `con_${"e".repeat(32)}`);
    world.connections.rows.set(other, { ...row, id: other });
    await world.erase();
    await expectErased(world, 0);
  });

  test("goes on when the provider refuses to revoke", async () => {
    const world = createKeeperWorld({ change: (provider) => ({ ...provider, revoke: null }) });
    await world.connect();
    expect(await world.erase()).toBe("erased");
    await expectErased(world, 0);
  });
});

describe("a disconnect during an outage", () => {
  test("of the secret store is pending, unreadable at once, and finished by the alarm", async () => {
    const world = await createDueWorld();
    world.secrets.setDown(true);
    expect(await world.erase()).toBe("pending");
    expect(world.row()).toMatchObject({ isActive: false });
    await expect(world.call()).rejects.toMatchObject({ code: "not_found" });
    expect(world.state.alarmAtMs).not.toBeNull();
    await world.advance(300);
    world.secrets.setDown(false);
    await expectErased(world);
  });

  test("is pending again when asked again, and not revoked twice", async () => {
    const world = await createDueWorld();
    world.secrets.setDown(true);
    expect([await world.erase(), await world.erase()]).toEqual(["pending", "pending"]);
    world.secrets.setDown(false);
    expect(await world.erase()).toBe("erased");
    await expectErased(world);
  });

  test("of Postgres is refused, goes on by the alarm, and hands nothing out meanwhile", async () => {
    const world = await createDueWorld();
    world.connections.setDown(true);
    await expect(world.erase()).rejects.toMatchObject({ code: "database_unavailable" });
    await expect(world.call()).rejects.toMatchObject({ code: "not_found" });
    expect(world.server.revocations).toEqual([]);
    await world.advance(60);
    world.connections.setDown(false);
    await expectErased(world);
  });

  test("of both, through a crash, ends erased", async () => {
    const world = await createDueWorld();
    world.connections.setDown(true);
    world.secrets.setDown(true);
    await world.erase().catch(() => undefined);
    world.crash();
    await world.advance(60);
    world.connections.setDown(false);
    await world.advance(1000);
    expect(world.row()).toMatchObject({ isActive: false });
    world.crash();
    world.secrets.setDown(false);
    await expectErased(world);
  });

  test("is finished by a nudge when the alarm was lost", async () => {
    const world = await createDueWorld();
    world.secrets.setDown(true);
    await world.erase();
    world.secrets.setDown(false);
    world.state.alarmAtMs = null;
    await world.nudge();
    await expectErased(world);
  });

  test("keeps a token that comes after the mark only to revoke it", async () => {
    const world = await createDueWorld();
    const go = world.lives.hold("provider.refresh");
    const asked = world.call().catch(() => undefined);
    await world.time.flush();
    world.secrets.setDown(true);
    expect(await world.erase()).toBe("pending");
    go();
    await asked;
    world.secrets.setDown(false);
    await expectErased(world);
    expect(world.server.revocations).toEqual(["refresh-2"]);
  });
});
