import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, test, vi } from "vitest";
import { random } from "../../src/clock.ts";
import type { ChainHead } from "../../src/domain/audit-chain.ts";
import { createId } from "../../src/domain/ids.ts";
import { type Outcome, requireValue } from "../../src/domain/outcome.ts";
import { listAuditEvents } from "../../src/services/audit/list-audit-events.ts";
import { verifyAuditChain } from "../../src/services/audit/verify-audit-chain.ts";
import { ALL, deferred, deps, FAILED, findLog, LOGIN, openWorkspace, type Stub } from "../support/worker-audit-log.ts";
import { queryAsOwner } from "../support/worker-endpoints.ts";

/** Postgres answers nothing until the test is over. */
function cutPostgres() {
  return vi.spyOn(globalThis, "fetch").mockImplementation(() => Promise.reject(new TypeError("no network")));
}

async function seqOf(outcome: Promise<Outcome<ChainHead>>): Promise<number> {
  return requireValue(await outcome).seq;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("an append", () => {
  test("gets a number of its own however many come at once, and the chain they make is whole", async () => {
    const { scope, chain, log } = openWorkspace();
    const seqs = await Promise.all(Array.from({ length: 60 }, () => seqOf(log.append(chain, [LOGIN]))));
    expect(seqs.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: true, events: 60, firstBadSeq: null });
  });

  test("is on disk before it answers: an evicted object knows it", async () => {
    cutPostgres();
    const { chain, log } = openWorkspace();
    await log.append(chain, [LOGIN, LOGIN]);
    await evictDurableObject(log);
    expect(await log.head()).toMatchObject({ seq: 2 });
    expect((await log.pending(0, 10)).map(({ seq }) => seq)).toEqual([1, 2]);
    expect(await seqOf(log.append(chain, [LOGIN]))).toBe(3);
  });

  test("under a key that came before adds nothing, also after an eviction", async () => {
    const { chain, log } = openWorkspace();
    expect(await seqOf(log.append(chain, [LOGIN], "key_1"))).toBe(1);
    await evictDurableObject(log);
    expect(await seqOf(log.append(chain, [LOGIN], "key_1"))).toBe(1);
    expect(await seqOf(log.append(chain, [LOGIN], "key_2"))).toBe(2);
    await log.count(chain, [{ key: "a", entry: FAILED, times: 3 }], "batch_1");
    await log.count(chain, [{ key: "a", entry: FAILED, times: 3 }], "batch_1");
    const kept = await runInDurableObject(log, (_, { storage }) =>
      storage.sql.exec("select times from repeats").toArray(),
    );
    expect(kept).toEqual([{ times: 2 }]);
  });

  test("remembers a bounded number of keys", async () => {
    const { chain, log } = openWorkspace();
    await log.append(chain, [LOGIN], "key_1");
    await runInDurableObject(log, (_, { storage }) => {
      storage.sql.exec("insert into recent_keys (id, key) values (10000, 'key_2')");
    });
    await log.append(chain, [LOGIN], "key_3");
    const keys = await runInDurableObject(log, (_, { storage }) =>
      storage.sql.exec("select key from recent_keys order by id").toArray(),
    );
    expect(keys).toEqual([{ key: "key_2" }, { key: "key_3" }]);
  });

  test("of an unknown shape is refused as data and leaves no number behind", async () => {
    const { chain, log } = openWorkspace();
    const forged = [LOGIN, { ...LOGIN, action: "user.hacked" }] as never;
    expect(await log.append(chain, forged)).toMatchObject({ ok: false, code: "invalid_request" });
    expect(await log.head()).toMatchObject({ seq: 0 });
    expect(await seqOf(log.append(chain, [LOGIN]))).toBe(1);
  });

  test("to a chain that cannot be is refused", async () => {
    expect(await findLog("elsewhere").append("elsewhere", [LOGIN])).toMatchObject({
      ok: false,
      code: "invalid_request",
    });
  });
});

describe("abnormal use", () => {
  test("is recorded behind the events that show it, and survives an eviction", async () => {
    const { scope, chain, log } = openWorkspace();
    const connects = Array.from({ length: 7 }, (_, call) => {
      return { ...LOGIN, action: "connection.created", requestId: `req_${call}` } as const;
    });
    await log.append(chain, connects.slice(0, 6));
    await evictDurableObject(log);
    expect(await seqOf(log.append(chain, connects.slice(6)))).toBe(7);
    const { events } = await listAuditEvents(deps, scope, { ...ALL, action: "usage.abnormal" });
    expect(events).toMatchObject([
      { seq: 8, actor: { type: "system" }, detail: { kind: "connection_burst", connects_this_minute: 7 } },
    ]);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: true, events: 8 });
  });

  test("of a key is watched from its sightings, which are no events", async () => {
    const { chain, log } = openWorkspace();
    expect(await seqOf(log.sight(chain, createId("key", random), "192.0.2.1"))).toBe(0);
  });
});

describe("flushing", () => {
  test("by the alarm brings the events to Postgres", async () => {
    const { chain, log } = openWorkspace();
    await log.append(chain, [LOGIN]);
    await runDurableObjectAlarm(log);
    await vi.waitFor(async () => expect(await log.pending(0, 10)).toEqual([]));
  });

  test("without Postgres keeps everything in order, sets another alarm and refuses readers", async () => {
    const { scope, chain, log } = openWorkspace();
    const outage = cutPostgres();
    await log.append(chain, [LOGIN]);
    await runDurableObjectAlarm(log);
    await log.append(chain, [{ ...LOGIN, action: "user.logout" }]);
    expect(await runInDurableObject(log, (_, { storage }) => storage.getAlarm())).not.toBeNull();
    expect(await log.flush()).toMatchObject({ ok: false, code: "database_unavailable" });
    await expect(listAuditEvents(deps, scope, ALL)).rejects.toMatchObject({ code: "database_unavailable" });
    outage.mockRestore();
    const { events } = await listAuditEvents(deps, scope, ALL);
    expect(events.map(({ seq, action }) => [seq, action])).toEqual([
      [1, "user.login"],
      [2, "user.logout"],
    ]);
  });

  test("twice, after an answer that was lost, adds nothing", async () => {
    const { scope, chain, log } = openWorkspace();
    await log.append(chain, [LOGIN]);
    const lost = await log.pending(0, 10);
    await deps.auditEvents.insert(chain, lost);
    await deps.auditEvents.insert(chain, lost);
    await log.flush();
    expect((await listAuditEvents(deps, scope, ALL)).events).toHaveLength(1);
  });
});

describe("a number that another event has taken in Postgres", () => {
  test("keeps the event in the object, is named by verify, and is filled once that row is gone", async () => {
    const { scope, chain, log } = openWorkspace();
    await log.append(chain, [LOGIN]);
    await log.flush();
    const plant = `insert into audit_events select workspace_id, 2, at, action, outcome, actor, resource, ip, request_id,
      detail, prev_hash, hash, event from audit_events where workspace_id = $1 and seq = 1`;
    await queryAsOwner(plant, [chain]);
    await log.append(chain, [LOGIN, LOGIN]);
    expect(await log.flush()).toMatchObject({ ok: true, value: { seq: 3 } });
    expect((await log.pending(0, 10)).map(({ seq }) => seq)).toEqual([2]);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: false, firstBadSeq: 2 });

    await queryAsOwner("delete from audit_events where workspace_id = $1 and seq = 2", [chain]);
    expect(await log.flush()).toMatchObject({ ok: true });
    expect(await log.pending(0, 10)).toEqual([]);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: true, events: 3 });
  });
});

describe("an object that has forgotten its chain", () => {
  /** As in an account it was moved to, or when the namespace was made anew. */
  async function forget(log: Stub): Promise<void> {
    await runInDurableObject(log, (_, { storage }) => storage.deleteAll());
    await evictDurableObject(log);
  }

  test("goes on behind the events Postgres has, and loses none of its own", async () => {
    const { scope, chain, log } = openWorkspace();
    await log.append(chain, [LOGIN, LOGIN, LOGIN]);
    await log.flush();
    await forget(log);
    await log.append(chain, [{ ...LOGIN, action: "user.logout" }]);
    await log.append(chain, [LOGIN]);
    const { events } = await listAuditEvents(deps, scope, ALL);
    const actions = ["user.login", "user.login", "user.login", "user.logout", "user.login"];
    expect(events.map(({ seq, action }) => [seq, action])).toEqual(actions.map((action, index) => [index + 1, action]));
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: true, events: 5 });
    expect(await seqOf(log.append(chain, [LOGIN]))).toBe(6);
  });

  test("knows its signed checkpoints again, and where the chain begins", async () => {
    const { scope, chain, log } = openWorkspace();
    await log.append(
      chain,
      Array.from({ length: 1005 }, () => LOGIN),
    );
    await log.flush();
    await runDurableObjectAlarm(log);
    await vi.waitFor(async () => expect((await log.memory(0, 10)).marks[0]?.checkpoint).not.toBeNull());
    const remembered = await log.memory(0, 10);
    await forget(log);
    await log.append(chain, [LOGIN]);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: true, events: 1006, provenSeq: 1006 });
    expect(await log.memory(0, 10)).toEqual(remembered);
  });

  test("takes nothing for its past that it has brought itself, though it never heard that it arrived", async () => {
    const { scope, chain, log } = openWorkspace();
    await log.append(chain, [LOGIN, LOGIN]);
    await deps.auditEvents.insert(chain, await log.pending(0, 10));
    await log.append(chain, [LOGIN]);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: true, events: 3 });
  });
});

describe("counting", () => {
  test("an object records the first at once and the rest of the minute as one", async () => {
    const { chain, log } = openWorkspace();
    const outage = cutPostgres();
    for (let call = 0; call < 5; call++) await log.count(chain, [{ key: "a", entry: FAILED, times: 1 }]);
    await evictDurableObject(log);
    const first = await log.pending(0, 10);
    await runInDurableObject(log, (_, { storage }) => void storage.sql.exec("update repeats set minute = minute - 1"));
    await runDurableObjectAlarm(log);
    const texts = (await log.pending(0, 10)).map(({ text }) => JSON.parse(text).detail.count ?? null);
    outage.mockRestore();
    // The test may have run across the end of a minute: then the last call was a first again.
    expect(first.length).toBeGreaterThanOrEqual(1);
    expect(texts.slice(0, 2)).toEqual([null, expect.any(Number)]);
  });

  test("an isolate sends a thousand calls in two hops, and a reader misses none of the firsts", async () => {
    const { scope, chain } = openWorkspace();
    const read = { ...LOGIN, action: "token.read" } as const;
    deferred.length = 0;
    for (let call = 0; call < 1000; call++) await deps.audit.count(chain, "usr_1 con_1", read);
    expect(deferred.length).toBeLessThanOrEqual(4);
    const listReads = async () => (await listAuditEvents(deps, scope, { ...ALL, action: "token.read" })).events;
    expect((await listReads()).length).toBeGreaterThanOrEqual(1);
    await Promise.all(deferred);
    const kept = await runInDurableObject(findLog(chain), (_, { storage }) =>
      storage.sql.exec<{ times: number }>("select times from repeats").toArray(),
    );
    // Across the end of a minute there is a second first, and the repeats of the minute before are an event.
    const told = (await listReads()).map(({ detail }) => Number(detail["count"] ?? 1));
    expect([...told, ...kept.map(({ times }) => times)].reduce((sum, times) => sum + times)).toBe(1000);
  });
});
