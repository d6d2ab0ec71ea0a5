import { describe, expect, test } from "vitest";
import { createKeeperWorld } from "../../support/keeper-world.ts";

/** Four minutes before a token of an hour ends, so that it is due. */
const UNTIL_DUE = 3360;

async function createDueWorld() {
  const world = createKeeperWorld();
  await world.connect();
  await world.pass(UNTIL_DUE);
  return world;
}

describe("however many ask", () => {
  test("two hundred callers at expiry cause one call and get the same fresh credential", async () => {
    const world = await createDueWorld();
    const answers = await Promise.all(Array.from({ length: 200 }, () => world.call()));
    expect(world.server.calls).toHaveLength(1);
    expect(new Set(answers.map(({ credential }) => credential.tokenData["access_token"]))).toEqual(
      new Set(["access-2"]),
    );
    expect(answers.every(({ refreshed }) => refreshed)).toBe(true);
  });

  test("a second wave finds the fresh one and causes no call", async () => {
    const world = await createDueWorld();
    await world.call();
    const answers = await Promise.all(Array.from({ length: 50 }, () => world.call()));
    expect(world.server.calls).toHaveLength(1);
    expect(answers.every(({ refreshed }) => !refreshed)).toBe(true);
  });

  test("a credential with life left is not refreshed", async () => {
    const world = createKeeperWorld();
    await world.connect();
    expect(await world.call()).toMatchObject({ refreshed: false, credential: { version: 1 } });
    expect(world.server.calls).toHaveLength(0);
  });

  test("callers who force together cause one call", async () => {
    const world = createKeeperWorld();
    await world.connect();
    const answers = await Promise.all(Array.from({ length: 50 }, () => world.call(true)));
    expect(world.server.calls).toHaveLength(1);
    expect(answers.every(({ refreshed }) => refreshed)).toBe(true);
  });

  test("a caller who forces is satisfied by a run that asked the provider anyway", async () => {
    const world = await createDueWorld();
    await Promise.all([world.call(), world.call(true), world.call(true)]);
    expect(world.server.calls).toHaveLength(1);
  });

  test("a caller who forces is not put off with a run that found enough life left", async () => {
    const world = createKeeperWorld();
    await world.connect();
    const [unforced, ...forced] = await Promise.all([world.call(), world.call(true), world.call(true)]);
    expect(unforced).toMatchObject({ refreshed: false, credential: { version: 1 } });
    expect(forced).toMatchObject([{ refreshed: true }, { refreshed: true }]);
    expect(world.server.calls).toHaveLength(1);
  });

  test("the fresh credential shows only what the provider exposes", async () => {
    const world = await createDueWorld();
    const { credential } = await world.call();
    expect(Object.keys(credential.tokenData).sort()).toEqual(["access_token", "expires_at"]);
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-2" });
  });

  test("a refresh is told to Postgres, to the cache and to the audit once", async () => {
    const world = await createDueWorld();
    await world.call();
    expect(world.row()).toMatchObject({ version: 2, status: "active", lastRefreshedAt: world.time.now() });
    expect(world.cache.copies.get(`${world.binding.id}:2`)).toMatchObject({ version: 2 });
    expect(world.actions()).toEqual(["connection.refreshed"]);
    expect(world.record()).toMatchObject({ escrow: null, intent: null });
  });
});

describe("a slow provider", () => {
  test("leaves callers with the old token after ten seconds, while it lives", async () => {
    const world = await createDueWorld();
    world.server.behaviours.push({ kind: "slow", seconds: 30 });
    const asked = world.call();
    await world.pass(10);
    expect(await asked).toMatchObject({ refreshed: false, credential: { tokenData: { access_token: "access-1" } } });
  });

  test("leaves callers with provider_unavailable once the old token is dead", async () => {
    const world = await createDueWorld();
    await world.pass(240);
    world.server.behaviours.push({ kind: "slow", seconds: 30 });
    const asked = expect(world.call()).rejects.toMatchObject({ code: "provider_unavailable" });
    await world.pass(10);
    await asked;
  });

  test("makes nobody wait longer than ten seconds, forced or not", async () => {
    const world = await createDueWorld();
    world.server.behaviours.push({ kind: "slow", seconds: 50 });
    const asked = [world.call(), world.call(true), world.call(true)];
    await world.pass(10);
    expect(await Promise.all(asked)).toMatchObject([{ refreshed: false }, { refreshed: false }, { refreshed: false }]);
  });

  test("is not asked again by those who come while it thinks, and its rotated token is stored", async () => {
    const world = await createDueWorld();
    world.server.behaviours.push({ kind: "slow", seconds: 55 });
    for (let second = 0; second < 55; second += 5) {
      void world.call(second % 2 === 0).catch(() => undefined);
      await world.pass(5);
    }
    expect(world.server.calls).toHaveLength(1);
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-2" });
    expect(world.row()).toMatchObject({ version: 2, status: "active" });
  });

  test("is waited for by the alarm to the end, without waking again and again", async () => {
    const world = createKeeperWorld();
    await world.connect();
    world.server.behaviours.push({ kind: "slow", seconds: 50 });
    const before = world.lives.calls.length;
    await world.advance(3360);
    expect(world.server.calls).toHaveLength(1);
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-2" });
    expect(world.lives.calls.length - before).toBeLessThan(20);
  });
});
