import { beforeEach, describe, expect, test } from "vitest";
import { AppError } from "../../../src/domain/errors.ts";
import { addSeconds } from "../../../src/domain/time.ts";
import { flushAuditEvents } from "../../../src/services/audit/flush-audit-events.ts";
import { listAuditEvents } from "../../../src/services/audit/list-audit-events.ts";
import { planAuditPruning, pruneAuditEvents } from "../../../src/services/audit/prune-audit-events.ts";
import { verifyAuditChain } from "../../../src/services/audit/verify-audit-chain.ts";
import { CHAIN, createFakeLog, type FakeLog, recordLogins, SCOPE } from "./fake-log.ts";

const DAY_SECONDS = 86_400;
const ALL = { after: 0, limit: 50, action: null, actor: null } as const;

let log: FakeLog;
beforeEach(() => {
  log = createFakeLog();
});

const passDays = (days: number) => {
  log.clock.ms += days * DAY_SECONDS * 1000;
};
const daysAgo = (days: number) => addSeconds(log.now(), -days * DAY_SECONDS);
const prune = (days: number) => pruneAuditEvents(log, CHAIN, daysAgo(days));
const seqs = () => log.rows.map(({ seq }) => seq);

/** Events 1 to 5 are 400 days old, 6 to 8 are 100 days old, 9 and 10 are of today. */
async function recordYears(): Promise<void> {
  await recordLogins(log, 5);
  passDays(300);
  await recordLogins(log, 3);
  passDays(100);
  await recordLogins(log, 2);
  await flushAuditEvents(log.flush);
}

describe("pruning", () => {
  beforeEach(recordYears);

  test("deletes exactly what is older, and says what", async () => {
    expect(await prune(365)).toEqual({ events: 5, upToSeq: 5, hasMore: false, firstBadSeq: null });
    expect(seqs()).toEqual([6, 7, 8, 9, 10]);
  });

  test("a second time deletes nothing", async () => {
    await prune(365);
    expect(await prune(365)).toEqual({ events: 0, upToSeq: 5, hasMore: false, firstBadSeq: null });
    expect(seqs()).toHaveLength(5);
  });

  test("leaves a chain that verifies from the anchor on, with its numbers, and goes on", async () => {
    await prune(365);
    await recordLogins(log, 1);
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: true, events: 6, provenSeq: 11 });
    const { events } = await listAuditEvents(log, SCOPE, ALL);
    expect(events.map(({ seq }) => seq)).toEqual([6, 7, 8, 9, 10, 11]);
    expect((await listAuditEvents(log, SCOPE, { ...ALL, after: 3, limit: 2 })).next).toBe("7");
  });

  test("keeps the anchor as a signed checkpoint", async () => {
    const [, , , , fifth] = log.rows;
    await prune(365);
    expect(log.checkpoints.table).toEqual([
      expect.objectContaining({ seq: 5, hash: fifth?.hash, signature: expect.stringMatching(/^[\w-]{86}$/) }),
    ]);
  });

  test("only planned deletes nothing", async () => {
    expect(await planAuditPruning(log, CHAIN, daysAgo(50))).toMatchObject({ events: 8, upToSeq: 8 });
    expect(seqs()).toHaveLength(10);
  });

  test("never touches the last 30 days, whatever is asked", async () => {
    expect(await prune(0)).toMatchObject({ events: 8 });
    passDays(29);
    expect(await prune(0)).toMatchObject({ events: 0 });
    passDays(2);
    expect(await prune(0)).toMatchObject({ events: 2 });
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: true, events: 0, provenSeq: 10 });
  });

  test("stops before the first event that is young enough, whatever comes after it", async () => {
    log.rows = log.rows.map((row) =>
      row.seq === 10 ? { ...row, columns: { ...row.columns, at: "2000-01-01T00:00:00.000Z" } } : row,
    );
    expect(await planAuditPruning(log, CHAIN, daysAgo(50))).toMatchObject({ upToSeq: 8 });
  });
});

describe("after pruning,", () => {
  beforeEach(async () => {
    await recordYears();
    await prune(365);
  });

  test.each<[string, () => unknown, number]>([
    ["the beginning cut off beyond the anchor", () => log.rows.splice(0, 2), 6],
    ["everything deleted", () => log.rows.splice(0), 6],
    ["the end cut off", () => log.rows.pop(), 10],
    ["an old row planted", () => log.rows.unshift({ ...(log.rows[0] as never as object), seq: 3 } as never), 3],
  ])("%s is found", async (_, tamper, firstBadSeq) => {
    tamper();
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: false, firstBadSeq });
  });

  test("an anchor that was edited, deleted or added in the table is found", async () => {
    const [anchor] = log.checkpoints.table;
    if (anchor === undefined) throw new Error("there is no anchor");
    for (const table of [[{ ...anchor, hash: "0".repeat(64) }], [], [anchor, { ...anchor, seq: 7 }]]) {
      log.checkpoints.table = table;
      const firstBadCheckpoint = table.length === 2 ? 7 : 5;
      expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: false, firstBadSeq: null, firstBadCheckpoint });
    }
  });
});

describe("what was tampered with is not swept away:", () => {
  beforeEach(recordYears);

  test.each<[string, () => unknown, number]>([
    ["an edited row", () => Object.assign(log.rows[2] as object, { hash: "0".repeat(64) }), 3],
    ["a deleted row", () => log.rows.splice(0, 1), 1],
    ["a row after the last that is old enough", () => Object.assign(log.rows[6] as object, { text: "{}" }), 7],
  ])("%s", async (_, tamper, firstBadSeq) => {
    tamper();
    const before = seqs();
    expect(await prune(365)).toMatchObject({ events: 0, firstBadSeq });
    expect(seqs()).toEqual(before);
    expect(log.checkpoints.table).toEqual([]);
  });
});

describe("an outage", () => {
  beforeEach(recordYears);

  test("of the secret store or the database deletes nothing", async () => {
    log.checkpoints.outage = new AppError("vault_unavailable", "away");
    await expect(prune(365)).rejects.toMatchObject({ code: "vault_unavailable" });
    expect(seqs()).toHaveLength(10);
    log.checkpoints.outage = null;
    expect(await prune(365)).toMatchObject({ events: 5 });
  });

  test("in the middle of the deletions raises no alarm, and the next call finishes them", async () => {
    const { deleteUpTo } = log.auditPruning;
    const pruning = {
      ...log.auditPruning,
      deleteUpTo: async () => {
        await deleteUpTo(SCOPE, 5, 2);
        throw new AppError("database_unavailable", "away");
      },
    };
    await expect(pruneAuditEvents({ ...log, auditPruning: pruning }, CHAIN, daysAgo(365))).rejects.toThrow();
    expect(seqs()).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: true, events: 5 });
    expect(await prune(365)).toMatchObject({ events: 0 });
    expect(seqs()).toEqual([6, 7, 8, 9, 10]);
  });
});

test("a long past is pruned in parts", async () => {
  await recordLogins(log, 3500);
  await flushAuditEvents(log.flush);
  passDays(400);
  const pruneSome = () => pruneAuditEvents(log, CHAIN, daysAgo(365), 1500);
  expect(await pruneSome()).toMatchObject({ events: 1500, upToSeq: 1500, hasMore: true });
  expect(await pruneSome()).toMatchObject({ events: 1500, upToSeq: 3000, hasMore: true });
  expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: true, events: 500 });
  expect(await pruneSome()).toMatchObject({ events: 500, upToSeq: 3500, hasMore: false });
  expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: true, events: 0 });
});
