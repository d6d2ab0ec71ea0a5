import { describe, expect, test } from "vitest";
import { appendAuditEvents, appendRepeats, countAuditEvents } from "../../../src/services/audit/append-audit-events.ts";
import { flushAuditEvents } from "../../../src/services/audit/flush-audit-events.ts";
import { CHAIN, createFakeLog, type FakeLog, LOGIN, recordLogins } from "./fake-log.ts";

const FAILED = { ...LOGIN, action: "auth.failed", outcome: "failure" } as const;
const once = (key: string, times = 1) => [{ key, entry: FAILED, times }];
const texts = (log: FakeLog) => log.outbox.map(({ text }) => JSON.parse(text));
const counts = (log: FakeLog) => texts(log).map(({ detail }) => detail.count ?? null);

describe("appending", () => {
  test("numbers events from 1 without a gap and chains each to the one before", async () => {
    const log = createFakeLog();
    await recordLogins(log, 2);
    await recordLogins(log, 1);
    expect(log.outbox.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(log.outbox[2]?.prevHash).toBe(log.outbox[1]?.hash);
  });

  test("stamps an event with the time in milliseconds", async () => {
    const log = createFakeLog();
    log.clock.ms += 7;
    await recordLogins(log, 1);
    expect(texts(log)[0]).toMatchObject({ seq: 1, at: "2026-11-22T10:00:00.007Z" });
  });

  test("records nothing of a batch in which one entry has an unknown shape", async () => {
    const log = createFakeLog();
    const forged = { ...LOGIN, action: "user.hacked" };
    await expect(appendAuditEvents(log.append, [LOGIN, forged])).rejects.toMatchObject({ code: "invalid_request" });
    expect(log.outbox).toEqual([]);
  });

  test("tells of every event once, in order, when it is kept", async () => {
    const log = createFakeLog();
    await recordLogins(log, 3);
    expect(log.told).toEqual(log.outbox);
  });

  test("records once what is told twice under one key", async () => {
    const log = createFakeLog();
    for (let time = 0; time < 2; time++) await appendAuditEvents(log.append, [LOGIN], "key_1");
    await appendAuditEvents(log.append, [LOGIN], "key_2");
    expect(log.outbox.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(log.told).toHaveLength(2);
  });

  test("an empty batch changes nothing", async () => {
    const log = createFakeLog();
    expect(await appendAuditEvents(log.append, [])).toMatchObject({ seq: 0 });
  });

  test("a forged line does not leave its event", async () => {
    const log = createFakeLog();
    await appendAuditEvents(log.append, [{ ...LOGIN, ip: '1\r\n{"seq":9,"action":"user.logout"}' }]);
    expect(log.outbox[0]?.text.split(/[\r\n]/)).toHaveLength(1);
  });
});

describe("counting", () => {
  test("records the first in a minute at once and its repeats as one when the minute is over", async () => {
    const log = createFakeLog();
    for (let call = 0; call < 5; call++) await countAuditEvents(log.append, once("a"));
    expect(counts(log)).toEqual([null]);
    log.clock.ms += 60_000;
    await appendRepeats(log.append);
    expect(counts(log)).toEqual([null, 4]);
  });

  test("the next minute's first comes after what was left of the minute before", async () => {
    const log = createFakeLog();
    await countAuditEvents(log.append, once("a", 3));
    log.clock.ms += 60_000;
    await countAuditEvents(log.append, once("a"));
    expect(counts(log)).toEqual([null, 2, null]);
  });

  test("a call that came once is not recorded again when its minute is over", async () => {
    const log = createFakeLog();
    await countAuditEvents(log.append, once("a"));
    log.clock.ms += 120_000;
    await appendRepeats(log.append);
    expect(counts(log)).toEqual([null]);
  });

  test("a batch whose answer was lost is counted once", async () => {
    const log = createFakeLog();
    for (let time = 0; time < 2; time++) await countAuditEvents(log.append, once("a", 3), "batch_1");
    for (let time = 0; time < 2; time++) await countAuditEvents(log.append, once("a", 2), "batch_2");
    log.clock.ms += 60_000;
    await appendRepeats(log.append);
    expect(counts(log)).toEqual([null, 4]);
  });

  test("keys are counted apart, also within one batch", async () => {
    const log = createFakeLog();
    await countAuditEvents(log.append, [...once("a", 2), ...once("b"), ...once("a", 5)]);
    expect(counts(log)).toEqual([null, null]);
    log.clock.ms += 60_000;
    await appendRepeats(log.append);
    expect(counts(log)).toEqual([null, null, 6]);
  });

  test("the event of the repeats names none of the requests it stands for", async () => {
    const log = createFakeLog();
    await countAuditEvents(log.append, once("a", 2));
    log.clock.ms += 60_000;
    await appendRepeats(log.append);
    expect(texts(log).map(({ request_id }) => request_id)).toEqual(["req_1", null]);
  });

  test("a minute of more callers than fit one batch is recorded whole", async () => {
    const log = createFakeLog();
    const callers = Array.from({ length: 450 }, (_, index) => ({ key: `k${index}`, entry: FAILED, times: 2 }));
    await countAuditEvents(log.append, callers);
    log.clock.ms += 60_000;
    await appendRepeats(log.append);
    expect(counts(log).filter((count) => count === 1)).toHaveLength(450);
  });

  test("an entry of an unknown shape is refused and counted nowhere", async () => {
    const log = createFakeLog();
    const forged = [{ key: "a", entry: { ...FAILED, detail: "text" }, times: 1 }] as never;
    await expect(countAuditEvents(log.append, forged)).rejects.toMatchObject({ code: "invalid_request" });
    expect(log.append.outbox.repeats("a")).toBeNull();
  });
});

describe("flushing", () => {
  test("brings events to Postgres in order and empties the outbox", async () => {
    const log = createFakeLog();
    await recordLogins(log, 250);
    await flushAuditEvents(log.flush);
    expect(log.rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 250 }, (_, index) => index + 1));
    expect(log.batches.map((batch) => batch.length)).toEqual([100, 100, 50]);
    expect(log.outbox).toEqual([]);
  });

  test("loses nothing while Postgres is away, and waits twice as long each time, up to 30 s", async () => {
    const log = createFakeLog();
    await recordLogins(log, 3);
    log.outage.batches = 7;
    const waits: number[] = [];
    for (let attempt = 0; attempt < 7; attempt++) {
      await expect(flushAuditEvents(log.flush)).rejects.toMatchObject({ code: "database_unavailable" });
      waits.push(log.retryAtMs() - log.clock.ms);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(log.outbox).toHaveLength(3);
    await flushAuditEvents(log.flush);
    expect(log.rows.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(log.retryAtMs()).toBe(0);
  });

  test("an outage in the middle keeps what did not arrive, and only that", async () => {
    const log = createFakeLog();
    await recordLogins(log, 150);
    const insert = log.auditEvents.insert;
    const failing = {
      insert: async (chain: string, events: Parameters<typeof insert>[1]) => {
        if (events[0]?.seq === 101) log.outage.batches = 1;
        return insert(chain, events);
      },
    };
    await expect(flushAuditEvents({ ...log.flush, store: () => failing })).rejects.toThrow();
    expect(log.outbox.map(({ seq }) => seq)[0]).toBe(101);
    expect(log.rows).toHaveLength(100);
  });

  test("brings nothing while Postgres cannot be asked where the numbers go on, and keeps everything", async () => {
    const log = createFakeLog();
    await recordLogins(log, 2);
    const adopt = () => Promise.reject(new Error("away"));
    await expect(flushAuditEvents({ ...log.flush, adopt })).rejects.toThrow("away");
    expect([log.rows.length, log.outbox.length]).toEqual([0, 2]);
    expect(log.retryAtMs()).toBe(log.clock.ms + 1000);
  });

  test("keeps an event whose number another has taken, says so, and brings the rest", async () => {
    const log = createFakeLog();
    await recordLogins(log, 250);
    const [mine] = log.outbox;
    if (mine === undefined) throw new Error("nothing was recorded");
    log.rows.push({ ...mine, hash: "f".repeat(64), columns: {} });
    expect(await flushAuditEvents(log.flush)).toEqual([1]);
    expect(log.outbox).toEqual([mine]);
    expect(log.rows).toHaveLength(250);
    expect(log.retryAtMs()).toBeGreaterThan(log.clock.ms);
    expect(log.logbook.lines).toEqual([
      {
        level: "error",
        message: "numbers of the audit log are taken in Postgres by other events",
        fields: { chain: CHAIN, events: 1, first: 1 },
      },
    ]);
    log.rows.shift();
    expect(await flushAuditEvents(log.flush)).toEqual([]);
    expect([log.outbox, log.retryAtMs()]).toEqual([[], 0]);
    expect(log.rows).toHaveLength(250);
  });

  test("an event that arrived before the answer was lost is not there twice", async () => {
    const log = createFakeLog();
    await recordLogins(log, 2);
    await log.auditEvents.insert("", log.outbox);
    await flushAuditEvents(log.flush);
    expect(log.rows).toHaveLength(2);
  });
});
