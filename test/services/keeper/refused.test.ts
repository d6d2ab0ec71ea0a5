import { describe, expect, test } from "vitest";
import { createKeeperWorld } from "../../support/keeper-world.ts";

async function createDeadWorld() {
  const world = createKeeperWorld();
  await world.connect();
  await world.pass(3360);
  world.server.revokeAll();
  return world;
}

describe("invalid_grant", () => {
  test("with the same secret still stored ends the grant, purges the copy and is audited once", async () => {
    const world = await createDeadWorld();
    await expect(world.call()).rejects.toMatchObject({ code: "reauth_required" });
    expect(world.row()).toMatchObject({ status: "reauth_required", lastError: "grant_refused", refreshDueAt: null });
    expect(world.cache.copies.size).toBe(0);
    expect(world.actions()).toEqual(["connection.reauth_required"]);
  });

  test("is not followed by a storm of calls, forced or not, nor by alarms", async () => {
    const world = await createDeadWorld();
    await Promise.allSettled(Array.from({ length: 50 }, (_, index) => world.call(index % 2 === 0)));
    for (let hour = 0; hour < 5; hour += 1) {
      await world.advance(3600);
      await expect(world.call(true)).rejects.toMatchObject({ code: "reauth_required" });
    }
    expect(world.server.calls).toHaveLength(1);
    expect(world.actions()).toEqual(["connection.reauth_required"]);
  });

  test("is not believed when somebody else renewed the secret meanwhile: theirs is used and told", async () => {
    const world = await createDeadWorld();
    const { grant } = world.record();
    const go = world.lives.hold("provider.refresh");
    const asked = world.call();
    await world.time.flush();
    await world.secrets.write(world.place, { ...world.server.consent(world.time.now()), grant }, 1);
    go();
    expect(await asked).toMatchObject({
      refreshed: false,
      credential: { version: 2, tokenData: { access_token: "access-2" } },
    });
    await world.advance(60);
    expect(world.row()).toMatchObject({ status: "active", version: 2 });
    expect(world.server.calls).toHaveLength(1);
    expect(world.actions()).toEqual([]);
  });

  test("while the store cannot be asked whether it changed ends nothing, and is tried again later", async () => {
    const world = await createDeadWorld();
    const go = world.lives.hold("provider.refresh");
    const asked = world.call();
    await world.time.flush();
    world.secrets.setDown(true);
    go();
    expect(await asked).toMatchObject({ refreshed: false, credential: { version: 1 } });
    expect(world.row()).toMatchObject({ status: "degraded" });
    await Promise.allSettled(Array.from({ length: 20 }, () => world.call()));
    expect(world.server.calls).toHaveLength(1);
    world.secrets.setDown(false);
    await world.advance(900);
    expect(world.row()).toMatchObject({ status: "reauth_required", lastError: "grant_refused" });
  });

  test("is healed by a reconnect, which is audited as recovered once", async () => {
    const world = await createDeadWorld();
    await world.call().catch(() => undefined);
    await world.store();
    expect(world.row()).toMatchObject({ status: "active", lastError: null, version: 2 });
    expect(await world.call(true)).toMatchObject({ refreshed: true });
    expect(world.actions()).toEqual(["connection.reauth_required", "connection.recovered", "connection.refreshed"]);
    expect(world.audit.entries[1]).toMatchObject({ detail: { from: "reauth_required" } });
  });

  test("of a forced call does not leave the caller with the old token", async () => {
    const world = createKeeperWorld();
    await world.connect();
    world.server.revokeAll();
    await expect(world.call(true)).rejects.toMatchObject({ code: "reauth_required" });
  });

  test("leaves no word of the refused token in the record or the audit", async () => {
    const world = await createDeadWorld();
    await world.call().catch(() => undefined);
    expect(JSON.stringify([world.record(), world.audit.entries])).not.toMatch(/refresh-1|access-1/);
  });
});
