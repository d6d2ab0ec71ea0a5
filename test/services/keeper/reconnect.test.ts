import { describe, expect, test } from "vitest";
import { createKeeperWorld, type KeeperWorld } from "../../support/keeper-world.ts";

async function createDueWorld() {
  const world = createKeeperWorld();
  await world.connect();
  await world.pass(3360);
  return world;
}

/** A reconnect with a hanging or slow call under way; its new secret is number `2`, a late answer `3`. */
async function reconnectDuring(world: KeeperWorld, seconds: number) {
  world.server.behaviours.push({ kind: "slow", seconds });
  const asked = world.call();
  await world.pass(1);
  await world.store();
  return asked;
}

async function expectNewestConsent(world: KeeperWorld, refreshToken: string) {
  expect(await world.stored()).toMatchObject({ refresh_token: refreshToken });
  expect(world.record()).toMatchObject({ escrow: null, intent: null, status: "active" });
  expect(world.row()).toMatchObject({ status: "active", version: await world.secrets.readNewestVersion(world.place) });
}

describe("a reconnect while a refresh is at the provider", () => {
  test("wins: the late answer is dropped, not revoked, and its caller gets the new one", async () => {
    const world = await createDueWorld();
    const asked = reconnectDuring(world, 8);
    await world.pass(10);
    expect(await asked).toMatchObject({ credential: { tokenData: { access_token: "access-2" } } });
    await expectNewestConsent(world, "refresh-2");
    expect(world.server.revocations).toEqual([]);
  });

  test("is answered to those who wait, and to those who come, while the old call hangs", async () => {
    const world = await createDueWorld();
    world.server.behaviours.push({ kind: "hang" });
    const early = world.call();
    await world.pass(1);
    await world.store();
    const late = [world.call(), world.call(true)];
    await world.pass(10);
    for (const asked of [early, ...late]) {
      expect(await asked).toMatchObject({ credential: { tokenData: { access_token: "access-2" } } });
    }
    expect(world.server.calls).toHaveLength(1);
  });

  test("is untouched by the late failure of the old call", async () => {
    const world = await createDueWorld();
    world.server.behaviours.push({ kind: "hang" });
    void world.call();
    await world.pass(1);
    await world.store();
    await world.advance(120);
    await expectNewestConsent(world, "refresh-2");
    expect(world.actions()).toEqual([]);
  });

  test("is untouched by the late refusal of the old grant", async () => {
    const world = await createDueWorld();
    world.server.behaviours.push({ kind: "slow", seconds: 5 });
    const asked = world.call();
    await world.pass(1);
    world.server.revokeAll();
    await world.store();
    await world.pass(10);
    expect(await asked).toMatchObject({ credential: { tokenData: { access_token: "access-2" } } });
    await expectNewestConsent(world, "refresh-2");
  });

  test("is not undone by a refusal that is just being told to Postgres", async () => {
    const world = await createDueWorld();
    world.server.revokeAll();
    const tell = world.lives.hold("connections.recordFailure");
    const asked = world.call().catch(() => undefined);
    await world.time.flush();
    const storing = world.store();
    await world.time.flush();
    tell();
    await Promise.all([asked, storing]);
    await expectNewestConsent(world, "refresh-2");
    expect(world.actions()).toContain("connection.recovered");
  });

  test("is not overwritten by a run that had read the old secret before it came", async () => {
    const world = await createDueWorld();
    const read = world.lives.hold("secrets.read");
    const asked = world.call();
    await world.time.flush();
    const write = world.lives.hold("secrets.write");
    const storing = world.store();
    await world.time.flush();
    read();
    await world.time.flush();
    write();
    await Promise.all([asked, storing]);
    await expectNewestConsent(world, "refresh-2");
    expect(await world.call()).toMatchObject({ credential: { tokenData: { access_token: "access-2" } } });
    expect(world.server.calls).toHaveLength(0);
  });

  test("while the secret store is away answers the new credential from escrow and drops the late one", async () => {
    const world = await createDueWorld();
    world.server.behaviours.push({ kind: "slow", seconds: 5 });
    const asked = world.call();
    await world.pass(1);
    world.secrets.setDown(true);
    await expect(world.store()).rejects.toMatchObject({ code: "vault_unavailable" });
    await world.pass(9);
    expect(await asked).toMatchObject({ credential: { tokenData: { access_token: "access-2" } } });
    world.secrets.setDown(false);
    await world.advance(120);
    await expectNewestConsent(world, "refresh-2");
  });
});

describe("a reconnect while an escrow waits", () => {
  test("takes the place of an escrowed refresh", async () => {
    const world = await createDueWorld();
    const go = world.lives.hold("secrets.write");
    const asked = world.call();
    await world.time.flush();
    world.secrets.setDown(true);
    go();
    await asked;
    await expect(world.store()).rejects.toMatchObject({ code: "vault_unavailable" });
    expect(await world.call()).toMatchObject({
      refreshed: false,
      credential: { tokenData: { access_token: "access-3" } },
    });
    world.secrets.setDown(false);
    await world.advance(300);
    await expectNewestConsent(world, "refresh-3");
    expect(world.server.calls).toHaveLength(1);
  });

  test("is stored after a refresh whose write had already left", async () => {
    const world = await createDueWorld();
    const go = world.lives.hold("secrets.write");
    const asked = world.call();
    await world.time.flush();
    const storing = world.store();
    await world.time.flush();
    go();
    await Promise.all([asked, storing]);
    await expectNewestConsent(world, "refresh-3");
    expect(await asked).toMatchObject({ credential: { tokenData: { access_token: "access-3" } } });
  });

  test("does not wait for the pauses an older failure had earned", async () => {
    const world = await createDueWorld();
    world.secrets.setDown(true);
    await expect(world.store()).rejects.toMatchObject({ code: "vault_unavailable" });
    await world.advance(3600);
    world.secrets.setDown(false);
    expect(await world.store()).toBe(2);
    await expectNewestConsent(world, "refresh-3");
  });
});

describe("two stores", () => {
  test("at once: the later wins, and both hear so", async () => {
    const world = await createDueWorld();
    const versions = await Promise.all([world.store(), world.store()]);
    expect(versions[0]).toBe(versions[1]);
    await expectNewestConsent(world, "refresh-3");
  });

  test("at once while the first is being written: the later wins", async () => {
    const world = await createDueWorld();
    const go = world.lives.hold("secrets.write");
    const first = world.store();
    await world.time.flush();
    const second = world.store();
    await world.time.flush();
    go();
    await Promise.all([first, second]);
    await expectNewestConsent(world, "refresh-3");
  });

  test("into an outage: only the later is kept", async () => {
    const world = await createDueWorld();
    world.secrets.setDown(true);
    await Promise.allSettled([world.store(), world.store()]);
    world.secrets.setDown(false);
    await world.advance(300);
    await expectNewestConsent(world, "refresh-3");
    expect(await world.secrets.readNewestVersion(world.place)).toBe(2);
  });

  test("label the secret with ids only", async () => {
    const world = await createDueWorld();
    expect(world.secrets.labelsOf(world.place)).toEqual({
      connection: world.binding.id,
      provider: "rotating",
      workspace: world.binding.workspaceId,
    });
  });
});
