import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/domain/errors.ts";
import { createKeeperWorld, type KeeperWorld } from "../../support/keeper-world.ts";

const UNTIL_DUE = 3360;

/** Asks at the due time with a life that ends at the named step, and lets the alarms do the rest. */
async function crashAfter(step: (world: KeeperWorld) => void) {
  const world = createKeeperWorld();
  await world.connect();
  await world.pass(UNTIL_DUE);
  step(world);
  // Whoever asked a life that ended hears nothing, or that it took too long.
  world.call().catch(() => undefined);
  await world.time.flush();
  return world;
}

const afterStep = (name: string) => (world: KeeperWorld) => {
  world.lives.dieAfter = name;
};

/** Ends the life with the very write that puts the answer in escrow. */
function afterEscrow(world: KeeperWorld) {
  world.state.onWrite = ({ escrow }) => {
    if (escrow === null) return;
    world.state.onWrite = () => undefined;
    world.lives.end();
    world.crash();
  };
}

describe("a crash", () => {
  test.each<[string, (world: KeeperWorld) => void]>([
    ["after the escrow", afterEscrow],
    ["after the write to the secret store", afterStep("secrets.write")],
    ["after the row", afterStep("connections.recordSecret")],
    ["after the cache", afterStep("cache.write")],
    ["after the audit", afterStep("audit.recordOnce")],
  ])("%s loses nothing, and the provider is not asked twice", async (_, step) => {
    const world = await crashAfter(step);
    await world.advance(60);
    expect(world.server.calls).toHaveLength(1);
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-2", access_token: "access-2" });
    expect(world.row()).toMatchObject({ version: 2, status: "active" });
    expect(world.cache.copies.has(`${world.binding.id}:2`)).toBe(true);
    expect(world.record()).toMatchObject({ escrow: null, intent: null, failures: 0 });
    expect(world.state.alarmAtMs).toBeGreaterThan(world.time.nowMs() + 1_000_000);
    expect(world.bugs).toEqual([]);
  });

  test("after the escrow is mended by the next caller as well", async () => {
    const world = await crashAfter(afterEscrow);
    expect(await world.call()).toMatchObject({ credential: { version: 2, tokenData: { access_token: "access-2" } } });
    expect(world.server.calls).toHaveLength(1);
  });

  test("before the provider got the call: the old token is tried once more, and it is good", async () => {
    const world = createKeeperWorld();
    await world.connect();
    await world.pass(UNTIL_DUE);
    world.lives.hold("provider.refresh");
    void world.call();
    await world.time.flush();
    expect(world.record().intent).toMatchObject({ version: 1 });
    world.crash();
    await world.advance(70);
    expect(world.server.calls).toHaveLength(1);
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-2" });
  });

  test("between the answer and the escrow: the old token is tried once, refused, and the reason is said", async () => {
    const world = await crashAfter(afterStep("provider.refresh"));
    await world.advance(3600);
    expect(world.server.calls.map(({ refreshToken }) => refreshToken)).toEqual(["refresh-1", "refresh-1"]);
    expect(world.row()).toMatchObject({ status: "reauth_required", lastError: "outcome_unknown", refreshDueAt: null });
    expect(world.audit.entries.at(-1)).toMatchObject({
      action: "connection.reauth_required",
      detail: { reason: "outcome_unknown" },
    });
  });

  test("during a forced call with much life left is found out on waking, not at expiry", async () => {
    const world = createKeeperWorld();
    await world.connect();
    world.lives.dieAfter = "provider.refresh";
    void world.call(true);
    await world.advance(70);
    expect(world.server.calls).toHaveLength(2);
    expect(world.row()).toMatchObject({ status: "reauth_required", lastError: "outcome_unknown" });
  });

  test("of an intent whose secret somebody else renewed meanwhile says nothing about the newer one", async () => {
    const world = await crashAfter(afterStep("provider.refresh"));
    const theirs = { ...world.server.consent(world.time.now()), grant: "grt_theirs" };
    await world.secrets.write(world.place, theirs, 1);
    await world.advance(70);
    expect(world.server.calls).toHaveLength(1);
    expect(world.row()).toMatchObject({ status: "active", version: 2 });
  });

  test("while a new secret waits to be stored is mended by the alarm", async () => {
    const world = createKeeperWorld();
    await world.connect();
    world.lives.dieAfter = "sealer.open";
    void world.store();
    await world.advance(10);
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-2" });
    expect(world.row()).toMatchObject({ version: 2 });
  });

  test("right after the mark of a disconnect is mended by the alarm", async () => {
    const world = createKeeperWorld();
    await world.connect();
    world.lives.dieAfter = "connections.disconnect";
    void world.erase();
    await world.advance(10);
    expect(world.secrets.paths()).toEqual([]);
    expect(world.server.revocations).toEqual(["refresh-1"]);
  });

  const told = (world: KeeperWorld) =>
    world.actions().filter((action) => action !== "connection.refreshed" && action !== "connection.created");

  /** Ends the life with the very write that changes the status. */
  const withStatus = (status: string) => (world: KeeperWorld) => {
    world.state.onWrite = (record) => {
      if (record.status !== status) return;
      world.state.onWrite = () => undefined;
      world.lives.end();
      world.crash();
    };
  };

  test.each<[string, (world: KeeperWorld) => void]>([
    ["with the change itself", withStatus("degraded")],
    ["while the row is told", afterStep("connections.recordFailure")],
    ["after the log has heard of it", afterStep("audit.recordOnce")],
  ])("%s tells of a failing connection once, and of its recovery", async (_, step) => {
    const world = await crashAfter((world) => {
      world.server.behaviours.push({ kind: "fail" });
      step(world);
    });
    await world.advance(120);
    expect(told(world)).toEqual(["connection.refresh_failed", "connection.recovered"]);
    expect(world.record().unrecorded).toEqual([]);
  });

  test.each<[string, (world: KeeperWorld) => void]>([
    ["with the change itself", withStatus("reauth_required")],
    ["while the copy is purged", afterStep("cache.purge")],
    ["after the log has heard of it", afterStep("audit.recordOnce")],
  ])("%s tells of a dead grant once", async (_, step) => {
    const world = await crashAfter((world) => {
      world.server.revokeAll();
      step(world);
    });
    await world.advance(120);
    expect(told(world)).toEqual(["connection.reauth_required"]);
    expect(world.record().unrecorded).toEqual([]);
  });

  test("right after the row of a disconnected connection went is told by the next life, with who asked", async () => {
    const world = createKeeperWorld();
    await world.connect();
    world.state.onWrite = ({ erasure }) => {
      if (!erasure?.rowGone) return;
      world.state.onWrite = () => undefined;
      world.lives.end();
      world.crash();
    };
    void world.erase();
    await world.advance(60);
    const ends = world.audit.entries.filter(({ action }) => action === "connection.disconnected");
    expect(ends).toMatchObject([{ actor: { type: "user" } }]);
  });

  test("of the log keeps what happens meanwhile, in order, until it answers", async () => {
    const world = createKeeperWorld();
    await world.connect();
    await world.pass(UNTIL_DUE);
    world.server.behaviours.push({ kind: "fail" });
    world.audit.isAway = true;
    await world.call().catch(() => undefined);
    await world.advance(30);
    expect(told(world)).toEqual([]);
    world.audit.isAway = false;
    await world.advance(120);
    expect(told(world)).toEqual(["connection.refresh_failed", "connection.recovered"]);
  });

  test("inside the alarm's handler leaves another alarm", async () => {
    const world = createKeeperWorld();
    await world.connect();
    await world.pass(UNTIL_DUE);
    world.lives.dieAfter = "secrets.read";
    void world.wake();
    await world.time.flush();
    expect(world.state.alarmAtMs).not.toBeNull();
    await world.advance(120);
    expect(world.row()).toMatchObject({ version: 2 });
  });

  test("of the answer to a write that arrived is recognised, and nothing is written twice", async () => {
    const world = createKeeperWorld();
    await world.connect();
    const lost = new AppError("vault_unavailable", "The answer was lost.");
    world.lives.losing.set("secrets.write", lost);
    await world.pass(UNTIL_DUE);
    await world.call();
    world.lives.losing.set("secrets.write", lost);
    await expect(world.store()).rejects.toMatchObject({ code: "vault_unavailable" });
    await world.advance(30);
    expect(await world.secrets.readNewestVersion(world.place)).toBe(3);
    expect(world.row()).toMatchObject({ version: 3 });
    expect(await world.stored()).toMatchObject({ refresh_token: "refresh-3" });
  });
});
