import { describe, expect, test } from "vitest";
import { backoffSeconds } from "../../../src/services/backoff.ts";
import { createKeeperWorld } from "../../support/keeper-world.ts";

async function createFailingWorld(count: number, kind: "fail" | "reject" | "lose" = "fail") {
  const world = createKeeperWorld();
  await world.connect();
  await world.pass(3360);
  world.server.behaviours.push(...Array.from({ length: count }, () => ({ kind })));
  return world;
}

describe("a provider that fails for a while", () => {
  test("leaves the old token in use until it expires, then provider_unavailable", async () => {
    const world = await createFailingWorld(1000);
    expect(await world.call()).toMatchObject({
      refreshed: false,
      credential: { tokenData: { access_token: "access-1" } },
    });
    await world.advance(239);
    expect(await world.call()).toMatchObject({ refreshed: false });
    await world.advance(1);
    await expect(world.call()).rejects.toMatchObject({ code: "provider_unavailable" });
  });

  test("degrades the connection once and recovers it once", async () => {
    const world = await createFailingWorld(5);
    await world.call();
    expect(world.row()).toMatchObject({ status: "degraded", lastError: "provider_unavailable" });
    await world.advance(600);
    expect(world.row()).toMatchObject({ status: "active", lastError: null, version: 2 });
    expect(world.server.calls).toHaveLength(6);
    expect(world.actions()).toEqual(["connection.refresh_failed", "connection.refreshed", "connection.recovered"]);
    expect(world.record()).toMatchObject({ failures: 0, retryAt: null, heldOffUntil: null });
  });

  test("is left alone between the tries, whoever calls", async () => {
    const world = await createFailingWorld(1000);
    await world.call();
    await Promise.all(Array.from({ length: 100 }, () => world.call()));
    expect(world.server.calls).toHaveLength(1);
  });

  test("is asked again at once by force only", async () => {
    const world = await createFailingWorld(1);
    await world.call();
    expect(await world.call(true)).toMatchObject({ refreshed: true });
  });

  test("is asked a bounded number of times in a day", async () => {
    const world = await createFailingWorld(100_000);
    await world.advance(86_400);
    expect(world.server.calls.length).toBeGreaterThan(80);
    expect(world.server.calls.length).toBeLessThan(1000);
    expect(world.actions()).toEqual(["connection.refresh_failed"]);
  });

  test("is not asked before the time it named", async () => {
    const world = await createFailingWorld(0);
    world.server.behaviours.push({ kind: "busy", retryAfterSeconds: 1200 });
    await world.call();
    await world.advance(1199);
    await expect(world.call()).rejects.toMatchObject({ code: "provider_unavailable", retryAfterSeconds: 1 });
    expect(world.server.calls).toHaveLength(1);
    await world.advance(1);
    expect(world.server.calls).toHaveLength(2);
    expect(world.row()).toMatchObject({ status: "active" });
  });

  test("after a forced call is asked again by the alarm, though the token has much life left", async () => {
    const world = createKeeperWorld();
    await world.connect();
    world.server.behaviours.push({ kind: "reject" });
    expect(await world.call(true)).toMatchObject({ refreshed: false });
    expect(world.row()).toMatchObject({ status: "degraded", lastError: "provider_rejected" });
    await world.advance(10);
    expect(world.row()).toMatchObject({ status: "active", version: 2 });
    expect(world.server.calls).toHaveLength(2);
    await world.advance(600);
    expect(world.server.calls).toHaveLength(2);
  });

  test("and loses an answer after it rotated: the next try tells, and the reason is that nobody knew", async () => {
    const world = await createFailingWorld(1, "lose");
    expect(await world.call()).toMatchObject({ refreshed: false });
    await world.advance(60);
    expect(world.row()).toMatchObject({ status: "reauth_required", lastError: "outcome_unknown" });
    expect(world.server.calls).toHaveLength(2);
  });

  test("and loses an answer without rotating: the next try is good", async () => {
    const world = await createFailingWorld(1, "lose");
    world.server.settings.rotates = false;
    await world.call();
    await world.advance(60);
    expect(world.row()).toMatchObject({ status: "active", version: 2 });
  });

  test("does not lend anybody a secret that only can be made into a credential", async () => {
    const world = await createFailingWorld(1000);
    const { access_token: _, expires_at: __, ...roleOnly } = world.server.consent(world.time.now());
    await world.store(roleOnly);
    await expect(world.call()).rejects.toMatchObject({ code: "provider_unavailable" });
    await expect(world.call()).rejects.toMatchObject({ code: "provider_unavailable" });
    world.server.behaviours.length = 0;
    expect(await world.call(true)).toMatchObject({ refreshed: true, credential: { version: 3 } });
  });
});

describe("the pause before the next try", () => {
  test.each([
    [0, 0, 0, 1],
    [0, 0.999, 0, 2],
    [3, 0.5, 0, 8],
    [3, 0.999, 0, 16],
    [9, 0.999, 0, 900],
    [50, 0.999, 0, 900],
    [5000, 0, 0, 1],
    [0, 0.5, 300, 300],
    [50, 0.999, 86_400, 86_400],
  ])("after %d failures with jitter %d and Retry-After %d is %d s", (failures, random, retryAfter, expected) => {
    expect(backoffSeconds(failures, random, retryAfter)).toBe(expected);
  });
});
