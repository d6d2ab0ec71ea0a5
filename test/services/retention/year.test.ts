import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { scopeOfChain } from "../../../src/domain/audit-scope.ts";
import { AppError } from "../../../src/domain/errors.ts";
import { RETENTION_KINDS, type RetentionStore } from "../../../src/domain/retention.ts";
import { verifyAuditChain } from "../../../src/services/audit/verify-audit-chain.ts";
import { applyRetention } from "../../../src/services/retention/apply-retention.ts";
import { planRetention } from "../../../src/services/retention/plan-retention.ts";
import { type MigratedDatabase, runAs, TARGETS } from "../../migrations/database-targets.ts";
import { createYearOfData, type YearOfData } from "../../support/year-of-data.ts";
import { AUDIT_KEPT_HOURS } from "../../support/year-of-events.ts";
import { addUpTold, createRetentionWorld, fillWith, type RetentionWorld, readIds } from "./retention-world.ts";

describe.each(TARGETS)("a year of data on $name", (target) => {
  let migrated: MigratedDatabase;
  let year: YearOfData;
  beforeAll(async () => {
    migrated = await target.start();
  });
  afterAll(() => migrated?.stop());
  const fillAgain = async () => {
    year = createYearOfData(Date.now());
    await fillWith(migrated, year);
  };
  const createWorld = () => createRetentionWorld(migrated, year);
  const readLeft = () => readIds(migrated);
  const survivors = () =>
    year.rows
      .filter(({ goes }) => !goes)
      .map(({ id }) => id)
      .sort();
  const oldEvents = (chain: string) =>
    year.events.get(chain)?.filter((hoursAgo) => hoursAgo > AUDIT_KEPT_HOURS).length ?? 0;
  const expectedTold = () =>
    new Map([
      ...[...year.expected].map(([key, ids]) => [key, ids.length] as const),
      ...[...year.events.keys()].map((chain) => [`audit_events ${chain}`, oldEvents(chain)] as const),
    ]);
  const countOf = (kind: string) =>
    [...expectedTold()].reduce((sum, [key, count]) => (key.startsWith(`${kind} `) ? sum + count : sum), 0);
  const expectedResults = () =>
    RETENTION_KINDS.map((kind) => ({ kind, planned: countOf(kind), purged: countOf(kind) })).sort((one, other) =>
      one.kind.localeCompare(other.kind),
    );
  const sorted = <Result extends { kind: string }>(results: readonly Result[]) =>
    [...results].sort((one, other) => one.kind.localeCompare(other.kind));

  describe("run twice", () => {
    let world: RetentionWorld;
    let plan: Awaited<ReturnType<typeof planRetention>>;
    let first: Awaited<ReturnType<RetentionWorld["run"]>>;
    let second: typeof first;
    let afterFirst: readonly string[];
    let events: number;
    let calls: number;
    beforeAll(async () => {
      await fillAgain();
      world = await createWorld();
      plan = await planRetention(world.deps);
      first = await world.run();
      afterFirst = await readLeft();
      [events, calls] = [world.log.entries.length, world.keepers.calls.length];
      second = await world.run();
    });

    test("is a year worth the name", () => {
      expect(year.rows.length).toBeGreaterThan(2500);
      expect(expectedTold().size).toBe(3 * RETENTION_KINDS.length + 1);
      expect(oldEvents("wsp_unauthenticated")).toBe(51);
      expect(survivors().length).toBeGreaterThan(200);
    });

    test("is planned as it should be", () => {
      const planned = new Map(plan.map(({ kind, workspaceId, count }) => [`${kind} ${workspaceId}`, count]));
      expect(planned).toEqual(expectedTold());
    });

    test("is purged to exactly what must stay, and says so", async () => {
      expect(sorted(first)).toEqual(expectedResults());
      expect(afterFirst).toEqual(survivors());
      expect(addUpTold(world)).toEqual(expectedTold());
      expect(await runAs(migrated.owner, null, "select id from retention_ledger")).toEqual([]);
    });

    test("has nothing to do the second time", async () => {
      expect(second).toEqual([]);
      expect([world.log.entries.length, world.keepers.calls.length]).toEqual([events, calls]);
      expect(await readLeft()).toEqual(survivors());
    });

    test("is told in one event per workspace and kind, by number, age, and name where there are few", () => {
      const purged = world.log.entries.filter(({ action }) => action === "retention.purged");
      expect(purged).toHaveLength(expectedTold().size);
      for (const { chain, actor, resource, detail } of purged) {
        const ids = year.expected.get(`${String(detail["kind"])} ${chain}`);
        expect(actor).toEqual({ type: "system", id: "retention" });
        expect(resource).toEqual({ type: "workspace", id: chain });
        expect(detail["older_than"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        expect(detail["ids"]).toEqual(ids !== undefined && ids.length <= 20 ? ids : undefined);
      }
    });

    test("leaves of every chain what is younger, and whole", async () => {
      for (const [chain, events] of year.events) {
        const scope = scopeOfChain(chain);
        const [first] = await world.log.auditEvents.rows(scope, 0, 1);
        expect(first?.seq).toBe(oldEvents(chain) + 1);
        const told = world.log.entries.filter((entry) => entry.chain === chain).length;
        const left = events.length - oldEvents(chain) + told;
        expect(await verifyAuditChain(world.log, scope)).toMatchObject({ ok: true, firstBadSeq: null, events: left });
      }
    });

    test("loses the secrets of what was purged, and no other", () => {
      const left = year.rows.flatMap(({ kind, goes, columns }) =>
        kind === "connections" && !goes ? [String(columns["secret_ref"]).replace("vault:kv/data/", "")] : [],
      );
      expect([...world.deps.secrets.paths()].sort()).toEqual(left.sort());
      expect(world.log.entries.filter(({ detail }) => detail["kind"] === "orphaned_secrets")).toEqual([]);
    });
  });

  describe("in trouble", () => {
    beforeEach(fillAgain);

    test("keeps its connections while Vault is away, and loses them when it is back", async () => {
      const world = await createWorld();
      world.deps.secrets.setDown(true);
      const results = await world.run();
      expect(results).toContainEqual({ kind: "connections", planned: countOf("connections"), purged: 0 });
      expect(results).toContainEqual({ kind: "users", planned: countOf("users"), purged: countOf("users") });
      const kept = year.rows.filter(({ kind, goes }) => kind === "connections" || !goes);
      expect(await readLeft()).toEqual(kept.map(({ id }) => id).sort());
      // A page was tried; the rest was not kept waiting.
      expect(world.keepers.calls).toHaveLength(50);

      world.deps.secrets.setDown(false);
      await runAs(migrated.owner, null, "update user_tokens set sweep_leased_until = null");
      const rest = { kind: "connections", planned: countOf("connections"), purged: countOf("connections") };
      expect(await world.run()).toEqual([rest]);
      expect(await readLeft()).toEqual(survivors());
      expect(addUpTold(world)).toEqual(expectedTold());
    });

    test("keeps one connection whose keeper is in trouble, and loses the others", async () => {
      const world = await createWorld();
      const { purge } = world.keepers;
      const troubled = year.rows.find(({ kind, goes }) => kind === "connections" && goes)?.id;
      const keepers = {
        ...world.keepers,
        purge: (binding: Parameters<typeof purge>[0]) =>
          binding.id === troubled ? Promise.reject(new Error("broken")) : purge(binding),
      };
      await applyRetention({ ...world.deps, keepers });
      expect(await readLeft()).toEqual([...survivors(), troubled].sort());
    });

    test("is told by the next run when a run dies between deleting and telling", async () => {
      const world = await createWorld();
      const die = () => Promise.reject(new AppError("database_unavailable", "away"));
      await expect(world.run({ takePurges: die })).rejects.toMatchObject({ code: "database_unavailable" });
      expect(addUpTold(world)).toEqual(new Map());
      expect(await world.run()).toEqual([]);
      expect(addUpTold(world)).toEqual(expectedTold());
    });

    test("goes on with the next kind when one fails, and with the failed one in the next run", async () => {
      const world = await createWorld();
      const retention = world.deps.retention;
      const purgeRows: RetentionStore["purgeRows"] = async (kind, limit) => {
        if (kind === "sessions") throw new AppError("database_unavailable", "away");
        return retention.purgeRows(kind, limit);
      };
      await expect(world.run({ purgeRows })).rejects.toMatchObject({ code: "database_unavailable" });
      const [users = []] = await Promise.all([runAs(migrated.owner, null, "select id from users")]);
      expect(users).toHaveLength(year.rows.filter(({ kind, goes }) => kind === "users" && !goes).length);
      await world.run();
      expect(await readLeft()).toEqual(survivors());
      expect(addUpTold(world)).toEqual(expectedTold());
    });

    test("keeps a chain that was tampered with as it is, and says so each time", async () => {
      const world = await createWorld();
      const [chain = ""] = year.workspaces;
      const forge = `update audit_events set ip = '198.51.100.1' where workspace_id = '${chain}' and seq = 7`;
      await runAs(migrated.owner, null, forge);
      await world.run();
      await world.run();
      const told = world.log.entries.filter(({ detail }) => detail["kind"] === "audit_events");
      const detail = { kind: "audit_events", count: 0, first_bad_seq: 7 };
      expect(told.filter((entry) => entry.chain === chain)).toMatchObject([
        { outcome: "failure", detail },
        { outcome: "failure", detail },
      ]);
      expect(told.filter((entry) => entry.chain !== chain)).toHaveLength(3);
      const [first] = await world.log.auditEvents.rows(scopeOfChain(chain), 0, 1);
      expect(first?.seq).toBe(1);
    });

    test("by three runs at once is purged once and told once", async () => {
      const world = await createWorld();
      await Promise.all([world.run(), world.run(), world.run()]);
      await world.run();
      expect(await readLeft()).toEqual(survivors());
      expect(addUpTold(world)).toEqual(expectedTold());
      expect(new Set(world.keepers.calls).size).toBe(world.keepers.calls.length);
    });
  });
});
