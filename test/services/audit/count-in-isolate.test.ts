import { afterEach, describe, expect, test, vi } from "vitest";
import { createAuditLog } from "../../../src/adapters/audit-log.ts";
import { createAuditCounters } from "../../../src/adapters/memory/audit-counters.ts";
import type { AuditLogObject, CountedEntry } from "../../../src/domain/audit-chain.ts";
import { EMPTY_CHAIN } from "../../../src/domain/audit-chain.ts";
import { createLogbook } from "../../support/fake-logbook.ts";
import { createFakeMetrics } from "../../support/fake-metrics.ts";
import { randomBytes } from "../../support/random-bytes.ts";
import { CHAIN, LOGIN } from "./fake-log.ts";

const READ = { ...LOGIN, action: "token.read", ip: "198.51.100.99" } as const;
const DONE = { ok: true, value: EMPTY_CHAIN } as const;
const REFUSED = { ok: false, code: "invalid_request", message: "no", retryAfterSeconds: null } as const;

afterEach(() => {
  vi.restoreAllMocks();
});

/** An isolate with a log whose object answers as told, and a second that passes when the test says so. */
function createIsolate(answers: Partial<AuditLogObject> = {}, maxKeys?: number) {
  const sent: [string, readonly CountedEntry[]][] = [];
  const deferred: Promise<unknown>[] = [];
  const sleepers: (() => void)[] = [];
  const clock = { ms: 1_800_000_000_000 };
  const calls = { append: 0, find: 0 };
  const metrics = createFakeMetrics();
  const object: AuditLogObject = {
    append: async () => {
      calls.append += 1;
      return DONE;
    },
    count: async (chain, counted) => {
      sent.push([chain, counted]);
      return DONE;
    },
    sight: async () => DONE,
    pending: async () => [],
    head: async () => EMPTY_CHAIN,
    flush: async () => DONE,
    memory: async () => ({ anchor: EMPTY_CHAIN, isCleared: true, marks: [] }),
    anchor: async () => ({ ok: true, value: undefined }),
    cleared: async () => undefined,
    ...answers,
  };
  const log = createLogbook();
  const audit = createAuditLog({
    find: () => {
      calls.find += 1;
      return object;
    },
    counters: createAuditCounters(maxKeys),
    metrics,
    defer: (work) => void deferred.push(work),
    nowMs: () => clock.ms,
    random: randomBytes,
    sleep: () => new Promise((resolve) => void sleepers.push(() => resolve())),
    log,
  });
  const passSecond = async () => {
    for (const wake of sleepers.splice(0)) wake();
    await Promise.all(deferred.splice(0));
  };
  return { audit, log, sent, deferred, sleepers, clock, calls, metrics, passSecond };
}

const timesOf = (sent: [string, readonly CountedEntry[]][]) =>
  sent.flatMap(([, counted]) => counted.map(({ times }) => times));

describe("counting in an isolate", () => {
  test("sends the first at once and the repeats together", async () => {
    const { audit, sent, passSecond } = createIsolate();
    for (let call = 0; call < 100; call++) await audit.count(CHAIN, "a", READ);
    expect(timesOf(sent)).toEqual([1]);
    await passSecond();
    expect(timesOf(sent)).toEqual([1, 99]);
  });

  test("has the object's word on the first before it resolves", async () => {
    let answer: (() => void) | undefined;
    const { audit } = createIsolate({ count: () => new Promise((resolve) => (answer = () => resolve(DONE))) });
    let isDone = false;
    const counted = audit.count(CHAIN, "a", READ).then(() => (isDone = true));
    await Promise.resolve();
    expect(isDone).toBe(false);
    answer?.();
    await counted;
  });

  test("counts nothing behind a first that may not be on disk yet: each is sent until one has arrived", async () => {
    const answers: (() => void)[] = [];
    const { audit, sleepers } = createIsolate({
      count: () => new Promise((resolve) => void answers.push(() => resolve(DONE))),
    });
    const both = [audit.count(CHAIN, "a", READ), audit.count(CHAIN, "a", READ)];
    expect(answers).toHaveLength(2);
    for (const answer of answers) answer();
    await Promise.all(both);
    await audit.count(CHAIN, "a", READ);
    expect([answers.length, sleepers.length]).toEqual([2, 1]);
  });

  test("sends the next after a first that was lost, rather than count it", async () => {
    let tries = 0;
    const count = async () => {
      tries += 1;
      if (tries <= 2) throw new Error("away");
      return DONE;
    };
    const { audit } = createIsolate({ count });
    for (let call = 0; call < 3; call++) await audit.count(CHAIN, "a", READ);
    expect(tries).toBe(3);
  });

  test("sends a minute's first at once though repeats of the minute before still wait, and loses none of those", async () => {
    const { audit, sent, clock, passSecond } = createIsolate();
    for (let call = 0; call < 3; call++) await audit.count(CHAIN, "a", READ);
    clock.ms += 60_000;
    await audit.count(CHAIN, "a", { ...READ, requestId: "req_2" });
    expect(sent.at(-1)?.[1]).toMatchObject([{ entry: { requestId: "req_2" }, times: 1 }]);
    await passSecond();
    expect(timesOf(sent)).toEqual([1, 1, 2]);
  });

  test("loses no repeat over many seconds", async () => {
    const { audit, sent, clock, passSecond } = createIsolate();
    for (let call = 0; call < 1000; call++) {
      await audit.count(CHAIN, `key ${call % 3}`, READ);
      clock.ms += 200;
      if (call % 5 === 4) await passSecond();
    }
    await passSecond();
    expect(timesOf(sent).reduce((sum, times) => sum + times)).toBe(1000);
  });

  test("keeps chains and keys apart", async () => {
    const { audit, sent, passSecond } = createIsolate();
    const other = `wsp_${"3".repeat(32)}`;
    for (const chain of [CHAIN, other, CHAIN]) await audit.count(chain, "a", READ);
    await audit.count(CHAIN, "b", READ);
    await passSecond();
    expect(sent.map(([chain, [one]]) => [chain, one?.key, one?.times])).toEqual([
      [CHAIN, "a", 1],
      [other, "a", 1],
      [CHAIN, "b", 1],
      [CHAIN, "a", 1],
    ]);
  });

  test("waits for one second at a time, not one a call", async () => {
    const { audit, sleepers } = createIsolate();
    for (let call = 0; call < 50; call++) await audit.count(CHAIN, "a", READ);
    expect(sleepers).toHaveLength(1);
  });

  test("a second that died with its request does not hold the repeats for ever", async () => {
    const { audit, sent, clock, sleepers } = createIsolate();
    await audit.count(CHAIN, "a", READ);
    await audit.count(CHAIN, "a", READ);
    sleepers.length = 0;
    clock.ms += 5000;
    await audit.count(CHAIN, "a", READ);
    for (const wake of sleepers) wake();
    await vi.waitFor(() => expect(timesOf(sent)).toEqual([1, 2]));
  });

  test("a reader of the chain gets what was counted so far", async () => {
    const { audit, sent } = createIsolate();
    for (let call = 0; call < 3; call++) await audit.count(CHAIN, "a", READ);
    await audit.settle(CHAIN);
    expect(timesOf(sent)).toEqual([1, 2]);
  });

  test("takes bounded memory: more keys than it holds are sent one by one", async () => {
    const { audit, sent, passSecond } = createIsolate({}, 10);
    for (let call = 0; call < 40; call++) await audit.count(CHAIN, `key ${call % 20}`, READ);
    await passSecond();
    expect(timesOf(sent).reduce((sum, times) => sum + times)).toBe(40);
  });
});

describe("recording", () => {
  test("asks once when it is answered", async () => {
    const { audit, calls } = createIsolate();
    await audit.record(CHAIN, LOGIN);
    expect(calls.append).toBe(1);
  });

  test("asks a fresh object once more when the first throws", async () => {
    let tries = 0;
    const append = async () => {
      tries += 1;
      if (tries === 1) throw new Error("reset");
      return DONE;
    };
    const { audit, calls } = createIsolate({ append });
    await audit.record(CHAIN, LOGIN);
    expect([tries, calls.find]).toEqual([2, 2]);
  });

  test("asks again under the same key, and under another for the next entry", async () => {
    const keys: unknown[] = [];
    const append: AuditLogObject["append"] = async (_chain, _entries, key) => {
      keys.push(key);
      if (keys.length === 1) throw new Error("the answer was lost");
      return DONE;
    };
    const { audit } = createIsolate({ append });
    await audit.record(CHAIN, LOGIN);
    await audit.record(CHAIN, LOGIN);
    expect(keys[1]).toBe(keys[0]);
    expect(new Set(keys).size).toBe(2);
  });

  test.each<[string, boolean, AuditLogObject["append"], number]>([
    ["has it", true, async () => DONE, 0],
    ["will never take it, which is a loss", true, async () => REFUSED, 1],
    ["does not answer, which is none", false, () => Promise.reject(new Error("away")), 0],
  ])("whoever keeps an entry is told that the object %s", async (_, isDone, append, losses) => {
    const { audit, log } = createIsolate({ append });
    expect(await audit.recordOnce(CHAIN, "key_1", LOGIN)).toBe(isDone);
    expect(log.lines).toHaveLength(losses);
  });

  test.each<[string, () => Promise<typeof REFUSED>]>([
    ["throws twice", () => Promise.reject(new Error("away: user.login of usr_1"))],
    ["refuses the entry", async () => REFUSED],
  ])("an object that %s makes one line in the log, without the entry, and never throws", async (_, append) => {
    const { audit, log, metrics } = createIsolate({ append });
    await expect(audit.record(CHAIN, LOGIN)).resolves.toBeUndefined();
    expect(log.lines).toHaveLength(1);
    expect(metrics.counted("aurora_audit_losses_total")).toEqual({ "": 1 });
    expect(JSON.stringify(log.lines)).not.toMatch(/usr_1|user\.login|192\.0\.2\.1|req_1/);
  });

  test("a counted entry that cannot be sent throws nowhere", async () => {
    const { audit, passSecond } = createIsolate({ count: () => Promise.reject(new Error("away")) });
    await audit.count(CHAIN, "a", READ);
    await audit.count(CHAIN, "a", READ);
    await expect(passSecond()).resolves.toBeUndefined();
  });
});

test.each<[string, AuditLogObject["flush"]]>([
  ["throws", () => Promise.reject(new Error("away"))],
  ["says Postgres is away", async () => ({ ...REFUSED, code: "database_unavailable" })],
])("a reader is refused while the object %s", async (_, flush) => {
  const { audit } = createIsolate({ flush });
  await expect(audit.settle(CHAIN)).rejects.toMatchObject({ code: "database_unavailable" });
});
