import { describe, expect, test } from "vitest";
import { requireId } from "../../../src/domain/ids.ts";
import type { SecretData } from "../../../src/domain/token-data.ts";
import { bindingOfRow, createKeeperWorld, OWNER, WORKSPACE } from "../../support/keeper-world.ts";

const zeros = (bytes: number) => new Uint8Array(bytes);
const ones = (bytes: number) => new Uint8Array(bytes).fill(255);

async function createWorldWith(expiresIn: number | null) {
  const world = createKeeperWorld();
  world.server.settings.expiresIn = expiresIn;
  await world.connect();
  return world;
}

describe("an expiry that is unknown", () => {
  test.each<[string, SecretData]>([
    ["absent", {}],
    ["zero", { expires_at: 0 }],
    ["negative", { expires_at: -5 }],
    ["beyond the year 9999", { expires_at: 1e300 }],
    ["not a number", { expires_at: "soon" }],
  ])("(%s) is refreshed by force only", async (_, expiry) => {
    const world = createKeeperWorld();
    await world.connect({ access_token: "a", ...world.server.consent(1), ...{ expires_at: undefined }, ...expiry });
    const before = world.lives.calls.length;
    await world.advance(100 * 86_400);
    expect(world.lives.calls.length).toBe(before);
    expect(world.state.alarmAtMs).toBeNull();
    expect(await world.call()).toMatchObject({ refreshed: false, credential: { expiresAt: null } });
    expect(world.server.calls).toHaveLength(0);
    expect(world.row()).toMatchObject({ refreshDueAt: null });
    expect(await world.call(true)).toMatchObject({ refreshed: true });
  });

  test("is served though a forced refresh fails", async () => {
    const world = await createWorldWith(null);
    world.server.behaviours.push({ kind: "fail" });
    expect(await world.call(true)).toMatchObject({ refreshed: false, credential: { version: 1 } });
  });
});

describe("the alarm", () => {
  test.each([
    [3600, 3240, 3300],
    [900, 540, 600],
    [600, 300, 300],
    [301, 150, 151],
    [300, 150, 150],
    [120, 60, 60],
    [20, 10, 10],
    [86_400, 86_040, 86_100],
  ])("of a life of %d s comes between %d and %d", async (life, earliest, latest) => {
    for (const random of [zeros, ones]) {
      const world = createKeeperWorld({ random });
      world.server.settings.expiresIn = life;
      await world.connect();
      const dueAt = (world.record().dueAt ?? 0) - world.time.now();
      expect(dueAt).toBeGreaterThanOrEqual(earliest);
      expect(dueAt).toBeLessThanOrEqual(latest);
      expect(world.state.alarmAtMs).toBe((world.record().dueAt ?? 0) * 1000);
    }
  });

  test("refreshes by itself, each time once, for as long as nobody asks", async () => {
    const world = await createWorldWith(3600);
    await world.advance(86_400);
    expect(world.server.calls.length).toBeGreaterThanOrEqual(25);
    expect(world.server.calls.length).toBeLessThanOrEqual(27);
    expect(world.row()).toMatchObject({ status: "active" });
    expect(world.bugs).toEqual([]);
  });

  test("of a token that lives two minutes comes at half its life", async () => {
    const world = await createWorldWith(120);
    await world.advance(59);
    expect(world.server.calls).toHaveLength(0);
    await world.advance(1);
    expect(world.server.calls).toHaveLength(1);
  });

  test("of a secret that came expired comes at once, and not again and again", async () => {
    const world = createKeeperWorld();
    await world.connect({ ...world.server.consent(world.time.now()), expires_at: world.time.now() - 500 });
    await world.advance(30);
    expect(world.server.calls).toHaveLength(1);
    expect(world.row()).toMatchObject({ version: 2 });
  });

  test("of a provider this deployment no longer knows asks less and less", async () => {
    const world = await createWorldWith(3600);
    await world.advance(3000);
    const row = { ...world.binding, provider: "gone" };
    await world.nudge(row);
    const before = world.lives.calls.length;
    await world.advance(7200);
    expect(world.lives.calls.length - before).toBeLessThan(100);
  });

  test("sets the next before it begins", async () => {
    const world = await createWorldWith(3600);
    await world.pass(3400);
    world.lives.hold("secrets.read");
    void world.wake();
    await world.time.flush();
    expect(world.state.alarmAtMs).toBe(world.time.nowMs() + 30_000);
  });

  test("of a keeper nothing ever happened to does nothing", async () => {
    const world = createKeeperWorld();
    await world.wake();
    expect(world.lives.calls).toEqual([]);
    expect(world.state.alarmAtMs).toBeNull();
  });
});

describe("a nudge", () => {
  test("after a lost alarm refreshes what is due and sets the alarm again", async () => {
    const world = await createWorldWith(3600);
    world.state.alarmAtMs = null;
    await world.pass(3400);
    await world.nudge();
    expect(world.row()).toMatchObject({ version: 2 });
    expect(world.state.alarmAtMs).toBe((world.record().dueAt ?? 0) * 1000);
  });

  test("of a keeper that lost everything finds the secret and goes on", async () => {
    const world = createKeeperWorld();
    await world.connections.reserve(
      { userId: OWNER, workspaceId: WORKSPACE },
      {
        ...world.binding,
        account: "a@example.com",
        upstreamAccount: null,
        shared: false,
        secretRefs: [world.binding.secretRef],
      },
    );
    await world.secrets.write(world.place, world.server.consent(world.time.now()), 0);
    await world.nudge();
    expect(world.row()).toMatchObject({ version: 1, status: "active" });
    expect(world.record().dueAt).toBeGreaterThan(world.time.now());
    expect(world.server.calls).toHaveLength(0);
  });

  test("tells a row that is behind, without asking the provider", async () => {
    const world = await createWorldWith(3600);
    const row = world.row();
    if (row !== undefined) world.connections.rows.set(row.id, { ...row, version: 0, refreshDueAt: world.time.now() });
    await world.nudge();
    expect(world.row()).toMatchObject({ version: 1 });
    expect(await world.connections.leaseDue(10, 60)).toEqual([]);
    expect(world.server.calls).toHaveLength(0);
  });

  test("leaves the provider alone during its pause", async () => {
    const world = await createWorldWith(3600);
    await world.pass(3400);
    world.server.behaviours.push({ kind: "busy", retryAfterSeconds: 600 });
    await world.call();
    for (let times = 0; times < 5; times += 1) await world.nudge();
    expect(world.server.calls).toHaveLength(1);
    expect(world.state.alarmAtMs).toBe(world.time.nowMs() + 600_000);
  });

  test("leaves a dead grant alone", async () => {
    const world = await createWorldWith(3600);
    world.server.revokeAll();
    await world.call(true).catch(() => undefined);
    await world.nudge();
    await world.advance(3600);
    expect(world.server.calls).toHaveLength(1);
  });

  test("does not wait longer than ten seconds for a slow provider", async () => {
    const world = await createWorldWith(3600);
    await world.pass(3400);
    world.server.behaviours.push({ kind: "hang" });
    let isDone = false;
    void world.nudge().then(() => {
      isDone = true;
    });
    await world.pass(10);
    await world.time.flush();
    expect(isDone).toBe(true);
  });

  test("of a key, which nothing can refresh, ends with no alarm", async () => {
    const world = createKeeperWorld({ change: (provider) => ({ ...provider, refresh: null }) });
    await world.connect({ access_token: "key" });
    world.state.alarmAtMs = null;
    await world.nudge();
    await world.advance(86_400);
    expect(world.record()).toMatchObject({ dueAt: null, retryAt: null });
    expect(world.lives.calls.length).toBeLessThan(30);
    expect(await world.call(true)).toMatchObject({ refreshed: false });
  });
});

describe("a connection that got a new owner", () => {
  const successor = requireId("usr", `usr_${"c".repeat(32)}`);

  async function handOver(isTold: boolean) {
    const world = await createWorldWith(3600);
    const scope = { userId: OWNER, workspaceId: WORKSPACE };
    await world.connections.update(scope, world.binding.id, { shared: true });
    await world.connections.handOver(scope, world.binding.id, successor);
    if (isTold) await world.nudge(bindingOfRow(world));
    return world;
  }

  test("is written as the new owner from the nudge on, and its copy opens for them", async () => {
    const world = await handOver(true);
    expect(world.record().binding.ownerId).toBe(successor);
    expect(await world.cache.read(bindingOfRow(world), 1)).toMatchObject({ version: 1 });
    await world.advance(3400);
    expect(world.row()).toMatchObject({ version: 2, ownerId: successor });
    expect(world.server.calls).toHaveLength(1);
  });

  test("is healed by the sweep when the keeper was not told", async () => {
    const world = await handOver(false);
    await world.advance(3400);
    expect(world.row()).toMatchObject({ version: 1 });
    expect(world.server.calls).toHaveLength(1);
    const due = await world.connections.leaseDue(10, 60);
    expect(due).toHaveLength(1);
    await world.nudge(bindingOfRow(world));
    expect(world.row()).toMatchObject({ version: 2, status: "active" });
    expect(world.server.calls).toHaveLength(1);
  });
});

describe("a sealed copy", () => {
  test("is not written when less than a minute of use is left", async () => {
    const world = await createWorldWith(59);
    expect(world.cache.copies.size).toBe(0);
  });

  test("is written when there is more", async () => {
    const world = await createWorldWith(61);
    expect(world.cache.copies.size).toBe(1);
  });
});
