import { beforeEach, describe, expect, test } from "vitest";
import type { AuditHeads } from "../../../src/domain/audit-chain.ts";
import { AppError, type ErrorCode } from "../../../src/domain/errors.ts";
import type { RetentionLine } from "../../../src/domain/retention.ts";
import { addSeconds, type EpochSeconds } from "../../../src/domain/time.ts";
import { flushAuditEvents } from "../../../src/services/audit/flush-audit-events.ts";
import { pruneChains } from "../../../src/services/retention/prune-chains.ts";
import { createFakeAuditLog } from "../../support/fake-audit-log.ts";
import { createLogbook } from "../../support/fake-logbook.ts";
import { CHAIN, createFakeLog, type FakeLog, recordLogins } from "../audit/fake-log.ts";

const DAY_SECONDS = 86_400;
const BROKEN = ["a", "b", "c"].map((letter) => `wsp_${letter.repeat(32)}`);

describe("pruning the chains of a plan", () => {
  let chain: FakeLog;
  /** Five events of 400 days ago, two of today. */
  beforeEach(async () => {
    chain = createFakeLog();
    await recordLogins(chain, 5);
    chain.clock.ms += 400 * DAY_SECONDS * 1000;
    await recordLogins(chain, 2);
    await flushAuditEvents(chain.flush);
  });

  const daysAgo = (days: number) => addSeconds(chain.now(), -days * DAY_SECONDS);
  const line = (workspaceId: string, oldest: EpochSeconds): RetentionLine => ({
    ...{ kind: "audit_events", workspaceId, count: 5, oldest },
    olderThan: daysAgo(365),
  });
  const broken = (count: number) => BROKEN.slice(0, count).map((name) => line(name, daysAgo(500)));
  /** The one that is whole, first in the list, and those longer overdue, whose objects answer with that code. */
  function run(longerOverdue: readonly RetentionLine[], code: ErrorCode, heads: Partial<AuditHeads> = {}) {
    const log = createLogbook();
    const audit = createFakeAuditLog();
    const memory: AuditHeads["memory"] = async (name, after, limit) => {
      if (name !== CHAIN) throw new AppError(code, "away");
      return await chain.auditHeads.memory(name, after, limit);
    };
    const auditHeads = { ...chain.auditHeads, memory, ...heads };
    const deps = { ...chain, audit, log, auditHeads };
    return { audit, log, pruned: pruneChains(deps, [line(CHAIN, daysAgo(400)), ...longerOverdue]) };
  }

  test("goes on behind chains in trouble, and says which they are", async () => {
    const { log, pruned } = run(broken(2), "database_unavailable");
    expect(await pruned).toBe(5);
    expect(chain.rows.map(({ seq }) => seq)).toEqual([6, 7]);
    expect(log.lines).toMatchObject(
      BROKEN.slice(0, 2).map((name) => ({ level: "warn", fields: { chain: name, code: "database_unavailable" } })),
    );
  });

  test.each<ErrorCode>(["database_unavailable", "vault_unavailable"])(
    "is given up at the third chain in trouble, since it is no chain's own: %s",
    async (code) => {
      await expect(run(broken(3), code).pruned).rejects.toMatchObject({ code });
      expect(chain.rows).toHaveLength(7);
    },
  );

  test("is not given up because another run is faster", async () => {
    expect(await run(broken(3), "invalid_request").pruned).toBe(5);
  });

  test("takes no other run's pruning for tampering", async () => {
    const anchor = { seq: 5, hash: "0".repeat(64) };
    let asked = 0;
    const memory: AuditHeads["memory"] = async (name, after, limit) => {
      const known = await chain.auditHeads.memory(name, after, limit);
      // The other run moves the anchor and deletes while this one reads rows.
      if (++asked === 3) chain.rows = chain.rows.filter(({ seq }) => seq > 5);
      return asked > 3 ? { ...known, anchor } : known;
    };
    const { audit, log, pruned } = run([], "internal", { memory });
    expect(await pruned).toBe(0);
    expect(asked).toBe(4);
    expect([audit.entries, log.lines]).toEqual([[], []]);
  });

  test("leaves what was tampered with, and says where", async () => {
    chain.rows = chain.rows.filter(({ seq }) => seq !== 3);
    const { audit, log, pruned } = run([], "internal");
    expect(await pruned).toBe(0);
    expect(chain.rows).toHaveLength(6);
    expect(log.lines).toMatchObject([{ level: "error", fields: { chain: CHAIN, first_bad_seq: 3 } }]);
    expect(audit.entries).toMatchObject([
      { chain: CHAIN, action: "retention.purged", outcome: "failure", detail: { count: 0, first_bad_seq: 3 } },
    ]);
  });
});
