import { describe, expect, test } from "vitest";
import { createKeeperWorld, type KeeperWorld } from "../../support/keeper-world.ts";

const UNTIL_DUE = 3360;

async function createDueWorld(expiresIn = 3600) {
  const world = createKeeperWorld();
  await world.connect();
  world.server.settings.expiresIn = expiresIn;
  await world.pass(UNTIL_DUE);
  return world;
}

/** The secret store fails from the write on, as if it had been sealed between the read and the write. */
async function refreshIntoOutage(world: KeeperWorld, force = false) {
  const go = world.lives.hold("secrets.write");
  const asked = world.call(force);
  await world.time.flush();
  world.secrets.setDown(true);
  go();
  return asked;
}

describe("while the secret store is away", () => {
  test("callers are answered from escrow, and the provider is never called again", async () => {
    const world = await createDueWorld();
    expect(await refreshIntoOutage(world)).toMatchObject({
      refreshed: true,
      credential: { version: 2, tokenData: { access_token: "access-2" } },
    });
    for (let minute = 0; minute < 20; minute += 1) {
      await world.advance(60);
      expect(await world.call(minute % 2 === 0)).toMatchObject({
        credential: { tokenData: { access_token: "access-2" } },
      });
    }
    expect(world.server.calls).toHaveLength(1);
    expect(world.row()).toMatchObject({ version: 1 });
  });

  test("the alarm tries with growing pauses, and a flood of callers adds nothing", async () => {
    const world = await createDueWorld();
    await refreshIntoOutage(world);
    const before = world.lives.calls.filter((name) => name === "secrets.write").length;
    await Promise.all(Array.from({ length: 100 }, () => world.call()));
    await world.advance(1800);
    const tries = world.lives.calls.filter((name) => name === "secrets.write").length - before;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(40);
  });

  test.each([10, 70, 130])("readers have the newest half a minute after an outage of %i seconds", async (seconds) => {
    // The longest pauses there can be.
    const world = createKeeperWorld({ random: (bytes) => new Uint8Array(bytes).fill(255) });
    await world.connect();
    await refreshIntoOutage(world, true);
    await world.advance(seconds);
    world.secrets.setDown(false);
    await world.advance(33);
    expect(world.row()).toMatchObject({ version: 2, status: "active" });
    expect(world.server.calls).toHaveLength(1);
  });

  test("everything settles when it is back", async () => {
    const world = await createDueWorld();
    await refreshIntoOutage(world);
    await world.advance(120);
    world.secrets.setDown(false);
    await world.advance(900);
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-2" });
    expect(world.row()).toMatchObject({ version: 2, status: "active" });
    expect(world.record()).toMatchObject({ escrow: null, failures: 0, retryAt: null });
    expect(world.server.calls).toHaveLength(1);
    expect(world.actions()).toEqual(["connection.refreshed"]);
  });

  test("the escrow is the answer until it expires, then vault_unavailable, and the store back mends it", async () => {
    const world = await createDueWorld(120);
    await refreshIntoOutage(world);
    await world.advance(110);
    expect(await world.call()).toMatchObject({ credential: { tokenData: { access_token: "access-2" } } });
    await world.advance(20);
    await expect(world.call()).rejects.toMatchObject({ code: "vault_unavailable" });
    expect(world.server.calls).toHaveLength(1);
    world.secrets.setDown(false);
    expect(await world.call()).toMatchObject({
      refreshed: true,
      credential: { tokenData: { access_token: "access-3" } },
    });
    expect(world.server.calls.map(({ refreshToken }) => refreshToken)).toEqual(["refresh-1", "refresh-2"]);
  });

  test("a due token that cannot be read is answered from its sealed copy while it lives", async () => {
    const world = await createDueWorld();
    world.secrets.setDown(true);
    expect(await world.call()).toMatchObject({
      refreshed: false,
      credential: { tokenData: { access_token: "access-1" } },
    });
    await world.pass(300);
    await expect(world.call()).rejects.toMatchObject({ code: "vault_unavailable" });
    expect(world.server.calls).toHaveLength(0);
  });

  test("the alarm does not hammer it, and callers are served at once when it is back", async () => {
    const world = createKeeperWorld();
    await world.connect();
    await world.pass(3400);
    world.secrets.setDown(true);
    const before = world.lives.calls.length;
    await world.advance(1800);
    expect(world.lives.calls.length - before).toBeLessThan(100);
    world.secrets.setDown(false);
    expect(await world.call()).toMatchObject({ refreshed: true });
  });

  test("a connect keeps the secret sealed and stores it later, without the person", async () => {
    const world = createKeeperWorld();
    world.secrets.setDown(true);
    await expect(world.connect()).rejects.toMatchObject({ code: "vault_unavailable" });
    expect(JSON.stringify(world.record())).not.toContain("refresh-1");
    await world.advance(120);
    world.secrets.setDown(false);
    await world.advance(900);
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-1" });
    expect(world.row()).toMatchObject({ version: 1, status: "active" });
  });
});

describe("while Postgres is away", () => {
  test("the stored credential is answered, the row follows, and the provider is called once", async () => {
    const world = await createDueWorld();
    world.connections.setDown(true);
    expect(await world.call()).toMatchObject({ refreshed: true, credential: { version: 2 } });
    await world.advance(300);
    expect(await world.call()).toMatchObject({ credential: { version: 2, tokenData: { access_token: "access-2" } } });
    world.connections.setDown(false);
    await world.advance(900);
    expect(world.row()).toMatchObject({ version: 2, status: "active" });
    expect(world.server.calls).toHaveLength(1);
    expect(await world.secrets.readNewestVersion(world.place)).toBe(2);
  });

  test("a failure is told when it is back, in its last state", async () => {
    const world = await createDueWorld();
    world.server.revokeAll();
    world.connections.setDown(true);
    await expect(world.call()).rejects.toMatchObject({ code: "reauth_required" });
    await world.advance(300);
    expect(world.row()).toMatchObject({ status: "active" });
    world.connections.setDown(false);
    await world.advance(900);
    expect(world.row()).toMatchObject({ status: "reauth_required", lastError: "grant_refused", refreshDueAt: null });
    expect(world.record().untold).toBeNull();
    expect(world.actions()).toEqual(["connection.reauth_required"]);
    expect(world.server.calls).toHaveLength(1);
  });
});

describe("an escrow that cannot be opened any more", () => {
  test("is given up and said so, and the stored token is tried", async () => {
    const world = await createDueWorld();
    await refreshIntoOutage(world);
    world.sealer.retireKeys();
    world.secrets.setDown(false);
    await expect(world.call()).rejects.toMatchObject({ code: "reauth_required" });
    expect(world.audit.entries).toContainEqual(
      expect.objectContaining({ action: "connection.refresh_failed", detail: { reason: "escrow_unreadable" } }),
    );
    expect(world.record()).toMatchObject({ escrow: null, status: "reauth_required" });
  });

  test("does no harm when the store already had the secret", async () => {
    const world = await createDueWorld();
    world.connections.setDown(true);
    await world.call();
    world.sealer.retireKeys();
    world.connections.setDown(false);
    await world.advance(900);
    expect(await world.call()).toMatchObject({ credential: { tokenData: { access_token: "access-2" } } });
    expect(world.row()).toMatchObject({ version: 2 });
    expect(world.server.calls).toHaveLength(1);
  });
});

test("a bug in a provider is thrown to the caller, and the keeper wakes again without a storm", async () => {
  const world = createKeeperWorld({
    change: (provider) => ({ ...provider, refresh: () => Promise.reject(new TypeError("a bug")) }),
  });
  await world.connect();
  await world.pass(UNTIL_DUE);
  await expect(world.call()).rejects.toThrow("a bug");
  await world.advance(3600);
  expect(world.bugs.length).toBeGreaterThan(1);
  expect(world.bugs.length).toBeLessThan(70);
  expect(world.state.alarmAtMs).not.toBeNull();
});

test("a secret that was deleted in the store degrades the connection, which heals when it is restored", async () => {
  const world = createKeeperWorld();
  await world.connect();
  await world.secrets.deleteNewest(world.place);
  await world.pass(UNTIL_DUE);
  await expect(world.call()).rejects.toMatchObject({ code: "reauth_required" });
  expect(world.row()).toMatchObject({ status: "degraded" });
  await world.advance(1800);
  expect(world.lives.calls.filter((name) => name === "secrets.read").length).toBeLessThan(30);
  const restored = { ...world.server.consent(world.time.now()), grant: world.record().grant };
  await world.secrets.write(world.place, restored, 1);
  await world.advance(1000);
  expect(world.row()).toMatchObject({ status: "active", version: 2 });
});
