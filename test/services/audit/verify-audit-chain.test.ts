import { describe, expect, test } from "vitest";
import {
  type AuditRow,
  type ChainHead,
  canonicalJson,
  chainEvent,
  EMPTY_CHAIN,
} from "../../../src/domain/audit-chain.ts";
import { flushAuditEvents } from "../../../src/services/audit/flush-audit-events.ts";
import { pruneAuditEvents } from "../../../src/services/audit/prune-audit-events.ts";
import { verifyAuditChain } from "../../../src/services/audit/verify-audit-chain.ts";
import { CHAIN, createFakeLog, type FakeLog, LOGIN, recordLogins, SCOPE, sha256 } from "./fake-log.ts";

/** A log of ten events that have all arrived, tampered with. */
async function tamperedLog(tamper: (rows: AuditRow[]) => AuditRow[] | Promise<AuditRow[]>): Promise<FakeLog> {
  const log = createFakeLog();
  await recordLogins(log, 10);
  await flushAuditEvents(log.flush);
  log.rows = await tamper(log.rows);
  return log;
}

const change = (rows: AuditRow[], seq: number, edit: (row: AuditRow) => Partial<AuditRow>): AuditRow[] =>
  rows.map((row) => (row.seq === seq ? { ...row, ...edit(row) } : row));

/** Hashes every row anew, as somebody who knows how would. */
async function rehash(rows: readonly AuditRow[], behind: ChainHead = EMPTY_CHAIN): Promise<AuditRow[]> {
  let head = behind;
  const hashed: AuditRow[] = [];
  for (const { columns } of rows) {
    const forged = { ...columns, seq: head.seq + 1 };
    const text = canonicalJson(forged);
    const event = { seq: forged.seq, text, prevHash: head.hash, hash: await sha256(head.hash + text) };
    hashed.push({ ...event, columns: forged });
    head = event;
  }
  return hashed;
}

describe("an untouched chain is good", () => {
  test.each([0, 1, 999, 1000, 1001, 2500])("with %d events", async (count) => {
    const log = createFakeLog();
    await recordLogins(log, count);
    expect(await verifyAuditChain(log, SCOPE)).toEqual({
      ok: true,
      events: count,
      firstBadSeq: null,
      firstBadCheckpoint: null,
      provenSeq: count,
      next: null,
    });
  });

  test("while events go on arriving", async () => {
    const log = createFakeLog();
    await recordLogins(log, 3);
    const rows = log.auditEvents.rows;
    const busy = {
      ...log.auditEvents,
      rows: async (...asked: Parameters<typeof rows>) => {
        const found = await rows(...asked);
        await recordLogins(log, 1);
        await flushAuditEvents(log.flush);
        return found;
      },
    };
    expect(await verifyAuditChain({ ...log, auditEvents: busy }, SCOPE)).toMatchObject({ ok: true, events: 3 });
  });
});

describe("tampering is found at the first bad number", () => {
  test.each<[string, (rows: AuditRow[]) => AuditRow[], number]>([
    [
      "an edited column",
      (rows) => change(rows, 4, ({ columns }) => ({ columns: { ...columns, ip: "198.51.100.1" } })),
      4,
    ],
    ["an edited text", (rows) => change(rows, 4, ({ text }) => ({ text: text.replace("usr_4", "usr_9") })), 4],
    [
      "an edited column with its text",
      (rows) =>
        change(rows, 4, ({ columns, text }) => ({
          columns: { ...columns, actor: { type: "user", id: "usr_9" } },
          text: text.replace("usr_4", "usr_9"),
        })),
      4,
    ],
    ["an edited hash", (rows) => change(rows, 10, () => ({ hash: "0".repeat(64) })), 10],
    ["an edited previous hash", (rows) => change(rows, 1, () => ({ prevHash: "1".repeat(64) })), 1],
    ["the first row deleted", (rows) => rows.filter(({ seq }) => seq !== 1), 1],
    ["a row deleted", (rows) => rows.filter(({ seq }) => seq !== 5), 5],
    [
      "a row deleted and the gap closed",
      (rows) =>
        rows
          .filter(({ seq }) => seq !== 5)
          .map((row) => ({
            ...row,
            seq: row.seq > 5 ? row.seq - 1 : row.seq,
          })),
      5,
    ],
    [
      "two rows swapped",
      (rows) => rows.map((row) => ({ ...row, seq: ({ 6: 7, 7: 6 } as Record<number, number>)[row.seq] ?? row.seq })),
      6,
    ],
    ["the end cut off", (rows) => rows.filter(({ seq }) => seq <= 8), 9],
    ["everything deleted", () => [], 1],
    ["a copy of an old row at the end", (rows) => [...rows, { ...(rows[0] as AuditRow), seq: 11 }], 11],
    ["a row far beyond the end", (rows) => [...rows, { ...(rows[0] as AuditRow), seq: 5000 }], 5000],
  ])("%s", async (_, tamper, firstBadSeq) => {
    const log = await tamperedLog(tamper);
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: false, firstBadSeq });
  });

  test("an event added at the end with the right hashes", async () => {
    const log = await tamperedLog(async (rows) => {
      const event = await chainEvent(rows.at(-1) ?? EMPTY_CHAIN, LOGIN, "2026-11-22T10:00:00.000Z", sha256);
      return [...rows, { ...event, columns: JSON.parse(event.text) }];
    });
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: false, events: 10, firstBadSeq: 11 });
  });

  test("an event planted at the number the log was about to use", async () => {
    const log = await tamperedLog(async (rows) => {
      const event = await chainEvent(
        rows.at(-1) ?? EMPTY_CHAIN,
        { ...LOGIN, action: "user.logout" },
        "2026-11-22T10:00:00.000Z",
        sha256,
      );
      return [...rows, { ...event, columns: JSON.parse(event.text) }];
    });
    await recordLogins(log, 1);
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: false, firstBadSeq: 11 });
  });

  test("a whole chain hashed anew is not taken for the recorded one", async () => {
    const log = await tamperedLog((rows) =>
      rehash(change(rows, 4, ({ columns }) => ({ columns: { ...columns, actor: { type: "user", id: "usr_9" } } }))),
    );
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: false });
  });

  test("a deletion hidden by numbering and hashing anew", async () => {
    const log = await tamperedLog((rows) => rehash(rows.filter(({ seq }) => seq !== 5)));
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: false, firstBadSeq: 10 });
  });
});

describe("with checkpoints,", () => {
  /** 2,500 events with two checkpoints, tampered with. */
  async function longLog(tamper: (rows: AuditRow[]) => AuditRow[] | Promise<AuditRow[]>): Promise<FakeLog> {
    const log = createFakeLog();
    await recordLogins(log, 2500);
    await flushAuditEvents(log.flush);
    await log.sign();
    log.rows = await tamper(log.rows);
    return log;
  }
  const forge = (rows: AuditRow[], seq: number) =>
    change(rows, seq, ({ columns }) => ({ columns: { ...columns, actor: { type: "user", id: "usr_forged" } } }));
  /** Hashes the rows from `first` to `last` anew, behind the one before them. */
  const rehashPart = async (rows: AuditRow[], first: number, last: number) => [
    ...rows.slice(0, first - 1),
    ...(await rehash(rows.slice(first - 1, last), rows[first - 2] ?? EMPTY_CHAIN)),
    ...rows.slice(last),
  ];

  test.each<[string, (rows: AuditRow[]) => AuditRow[] | Promise<AuditRow[]>, number, number]>([
    ["a row hashed anew", (rows) => rehashPart(forge(rows, 1500), 1500, 1500), 1500, 1000],
    ["the first row hashed anew", (rows) => rehashPart(forge(rows, 1), 1, 1), 1, 0],
    ["the last row hashed anew", (rows) => rehashPart(forge(rows, 2500), 2500, 2500), 2500, 2000],
    ["the row of a checkpoint hashed anew", (rows) => rehashPart(forge(rows, 2000), 2000, 2000), 2000, 1000],
    ["the rows from one on hashed anew to the end", (rows) => rehashPart(forge(rows, 1200), 1200, 2500), 2000, 1000],
    ["every row hashed anew", (rows) => rehashPart(forge(rows, 4), 1, 2500), 1000, 0],
    [
      "the rows behind the last checkpoint hashed anew",
      (rows) => rehashPart(forge(rows, 2100), 2100, 2500),
      2500,
      2000,
    ],
    [
      "a row deleted, the others numbered and hashed anew to the end",
      (rows) => rehash(rows.filter(({ seq }) => seq !== 1500)),
      2000,
      1000,
    ],
    [
      "a row deleted and the gap closed",
      (rows) =>
        rows.filter(({ seq }) => seq !== 1500).map((row) => ({ ...row, seq: row.seq - Number(row.seq > 1500) })),
      1500,
      1000,
    ],
    [
      "a row inserted with the right hashes, and the others moved up",
      async (rows) => {
        const before = rows[1498] ?? EMPTY_CHAIN;
        const planted = await chainEvent(
          before,
          { ...LOGIN, action: "user.logout" },
          "2026-11-22T10:00:00.000Z",
          sha256,
        );
        const moved = rows.map((row) => ({ ...row, seq: row.seq + Number(row.seq >= 1500) }));
        return [...moved, { ...planted, columns: JSON.parse(planted.text) }];
      },
      1500,
      1000,
    ],
    [
      "two rows swapped across a checkpoint",
      (rows) =>
        rows.map((row) => ({ ...row, seq: ({ 990: 1010, 1010: 990 } as Record<number, number>)[row.seq] ?? row.seq })),
      990,
      0,
    ],
    ["two rows edited", (rows) => forge(forge(rows, 1700), 1300), 1300, 1000],
    ["the end cut off", (rows) => rows.slice(0, 1999), 2000, 1000],
    ["the end cut off at a checkpoint", (rows) => rows.slice(0, 2000), 2001, 2000],
  ])("%s is found", async (_, tamper, firstBadSeq, provenSeq) => {
    const log = await longLog(tamper);
    expect(await verifyAuditChain(log, SCOPE)).toMatchObject({ ok: false, firstBadSeq, provenSeq });
  });

  test("a chain too long for one call is verified in parts, from checkpoint to checkpoint", async () => {
    const log = await longLog((rows) => rows);
    expect(await verifyAuditChain(log, SCOPE, 0, 1)).toMatchObject({ ok: true, events: 1000, next: 1000 });
    expect(await verifyAuditChain(log, SCOPE, 1000, 1)).toMatchObject({ ok: true, events: 1000, next: 2000 });
    expect(await verifyAuditChain(log, SCOPE, 2000, 1)).toMatchObject({ ok: true, events: 500, next: null });
    expect(await verifyAuditChain(log, SCOPE, 1999)).toMatchObject({ ok: true, events: 1500, next: null });
    expect(await verifyAuditChain(log, SCOPE, 9999)).toMatchObject({ ok: true, events: 500, next: null });
  });

  test("what is bad before the place where it begins is not seen, what is behind it is", async () => {
    const log = await longLog((rows) => forge(rows, 1500));
    expect(await verifyAuditChain(log, SCOPE, 2000)).toMatchObject({ ok: true, events: 500 });
    expect(await verifyAuditChain(log, SCOPE, 1000)).toMatchObject({ ok: false, firstBadSeq: 1500 });
  });

  test("what is pruned while it is verified is not taken for tampering", async () => {
    const log = await longLog((rows) => rows);
    log.clock.ms += 400 * 86_400_000;
    const { rows } = log.auditEvents;
    let isPruned = false;
    const busy = {
      ...log.auditEvents,
      rows: async (...asked: Parameters<typeof rows>) => {
        if (!isPruned && asked[1] === 1000) {
          isPruned = true;
          await pruneAuditEvents(log, CHAIN, log.now(), 1500);
        }
        return rows(...asked);
      },
    };
    expect(await verifyAuditChain({ ...log, auditEvents: busy }, SCOPE)).toMatchObject({ ok: true, events: 1000 });
  });
});

test("without the database there is no verdict", async () => {
  const log = createFakeLog();
  await recordLogins(log, 1);
  log.outage.batches = 1;
  await expect(verifyAuditChain(log, SCOPE)).rejects.toMatchObject({ code: "database_unavailable" });
});

test("at most one page of rows is asked for at a time", async () => {
  const log = createFakeLog();
  await recordLogins(log, 2500);
  const asked: number[] = [];
  const rows = log.auditEvents.rows;
  const watched = {
    ...log.auditEvents,
    rows: (...query: Parameters<typeof rows>) => {
      asked.push(query[2]);
      return rows(...query);
    },
  };
  await verifyAuditChain({ ...log, auditEvents: watched }, SCOPE);
  expect(Math.max(...asked)).toBe(1000);
});
