import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { neon, neonConfig } from "@neondatabase/serverless";
import { afterEach, describe, expect, inject, test, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import { createDeps } from "../../src/deps.ts";
import type { AuditLogObject, ChainHead } from "../../src/domain/audit-chain.ts";
import type { AuditEntry } from "../../src/domain/audit-event.ts";
import { createId } from "../../src/domain/ids.ts";
import { type Outcome, requireValue } from "../../src/domain/outcome.ts";
import type { Scope } from "../../src/domain/principal.ts";
import { listAuditEvents } from "../../src/services/audit/list-audit-events.ts";
import { verifyAuditChain } from "../../src/services/audit/verify-audit-chain.ts";

type Stub = DurableObjectStub & AuditLogObject;

const bindings = env as unknown as Bindings;
const deferred: Promise<unknown>[] = [];
const deps = createDeps(bindings, { waitUntil: (work) => void deferred.push(work) });
const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const ALL = { after: 0, limit: 200, action: null, actor: null } as const;

const LOGIN: AuditEntry = {
  action: "user.login",
  outcome: "success",
  actor: { type: "user", id: "usr_1" },
  resource: { type: "connection", id: "con_1", provider: "github" },
  ip: "192.0.2.1",
  requestId: "req_1",
  detail: { mode: "session" },
};
const FAILED = { ...LOGIN, action: "auth.failed", outcome: "failure" } as const;

/** A workspace of its own, so that files and tests can share the database. */
function openWorkspace(): { scope: Scope; chain: string; log: Stub } {
  const scope = { userId: createId("usr", random), workspaceId: createId("wsp", random) };
  return { scope, chain: scope.workspaceId, log: findLog(scope.workspaceId) };
}

function findLog(chain: string): Stub {
  return bindings.AUDIT_LOG.get(bindings.AUDIT_LOG.idFromName(chain)) as unknown as Stub;
}

/** Postgres answers nothing until the test is over. */
function cutPostgres() {
  return vi.spyOn(globalThis, "fetch").mockImplementation(() => Promise.reject(new TypeError("no network")));
}

async function seqOf(outcome: Promise<Outcome<ChainHead>>): Promise<number> {
  return requireValue(await outcome).seq;
}

/** As the owner of the tables, who may do anything to them. */
function tamper() {
  const { ownerUrl, postgres } = inject("endpoints");
  neonConfig.fetchEndpoint = `${postgres}/sql`;
  return neon(ownerUrl);
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
    await tamper().query(plant, [chain]);
    await log.append(chain, [LOGIN, LOGIN]);
    expect(await log.flush()).toMatchObject({ ok: true, value: { seq: 3 } });
    expect((await log.pending(0, 10)).map(({ seq }) => seq)).toEqual([2]);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: false, firstBadSeq: 2 });

    await tamper().query("delete from audit_events where workspace_id = $1 and seq = 2", [chain]);
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

describe("what is read back", () => {
  test("is what was recorded, with its number, time and hash", async () => {
    const { scope, chain } = openWorkspace();
    await deps.audit.record(chain, LOGIN);
    const { events } = await listAuditEvents(deps, scope, ALL);
    const { requestId, ...rest } = LOGIN;
    expect(events).toEqual([
      {
        ...rest,
        request_id: requestId,
        seq: 1,
        at: expect.stringMatching(/^\d{4}-.*T.*\.\d{3}Z$/),
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  test("verifies whatever strange things were in it", async () => {
    const { scope, chain } = openWorkspace();
    const strange = {
      z: 1.5e-7,
      a: 1e21,
      n: -0,
      b: [null, true, { é: "😀", E: "\ud800" }],
      "": '\r\n\u001b[31m"}',
      t: "\u0000\\u0000",
    };
    await deps.audit.record(chain, { ...LOGIN, resource: null, ip: null, requestId: null, detail: strange });
    await deps.audit.record(chain, { ...LOGIN, ip: "'; drop table audit_events; --" });
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: true, events: 2, firstBadSeq: null });
    expect(JSON.stringify((await listAuditEvents(deps, scope, ALL)).events)).not.toMatch(/\\u001b|\\r|\\n/);
  });

  test("is of one's own workspace only", async () => {
    const one = openWorkspace();
    const other = openWorkspace();
    await deps.audit.record(one.chain, LOGIN);
    await one.log.flush();
    expect(await listAuditEvents(deps, other.scope, ALL)).toEqual({ events: [], next: null });
  });

  test("can be narrowed to an action and to a person, and paged", async () => {
    const { scope, chain } = openWorkspace();
    const people = ["usr_a", "usr_b", "usr_a"].map((id) => ({ ...LOGIN, actor: { type: "user" as const, id } }));
    for (const entry of people) await deps.audit.record(chain, entry);
    await deps.audit.record(chain, FAILED);
    const seqs = async (filter: object) =>
      (await listAuditEvents(deps, scope, { ...ALL, ...filter })).events.map(({ seq }) => seq);
    expect(await seqs({ actor: "usr_a" })).toEqual([1, 3]);
    expect(await seqs({ action: "auth.failed" })).toEqual([4]);
    expect(await seqs({ action: "auth.failed", actor: "usr_a" })).toEqual([]);
    expect(await seqs({ after: 2, limit: 1 })).toEqual([3]);
  });
});

describe("tampering with the table is found", () => {
  async function fiveEvents() {
    const workspace = openWorkspace();
    await workspace.log.append(
      workspace.chain,
      Array.from({ length: 5 }, () => LOGIN),
    );
    expect(await verifyAuditChain(deps, workspace.scope)).toMatchObject({ ok: true, events: 5 });
    return workspace;
  }

  test.each<[string, string, number]>([
    ["an edited address", "update audit_events set ip = '198.51.100.1' where workspace_id = $1 and seq = 3", 3],
    [
      "an edited actor",
      `update audit_events set actor = '{"type":"user","id":"usr_9"}' where workspace_id = $1 and seq = 2`,
      2,
    ],
    [
      "a time moved by a microsecond",
      "update audit_events set at = at + interval '1 microsecond' where workspace_id = $1 and seq = 4",
      4,
    ],
    ["an emptied resource", "update audit_events set resource = null where workspace_id = $1 and seq = 4", 4],
    ["an edited text", "update audit_events set event = event || ' ' where workspace_id = $1 and seq = 1", 1],
    ["an edited hash", "update audit_events set hash = repeat('0', 64) where workspace_id = $1 and seq = 5", 5],
    ["a deleted row", "delete from audit_events where workspace_id = $1 and seq = 3", 3],
    ["the end cut off", "delete from audit_events where workspace_id = $1 and seq > 3", 4],
    ["a row moved to the end", "update audit_events set seq = 6 where workspace_id = $1 and seq = 2", 2],
    [
      "a row copied to the end",
      `insert into audit_events select workspace_id, 6, at, action, outcome, actor, resource, ip,
      request_id, detail, prev_hash, hash, event from audit_events where workspace_id = $1 and seq = 5`,
      6,
    ],
  ])("%s", async (_, statement, firstBadSeq) => {
    const { scope, chain } = await fiveEvents();
    await tamper().query(statement, [chain]);
    expect(await verifyAuditChain(deps, scope)).toMatchObject({ ok: false, firstBadSeq });
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
    const { events } = await listAuditEvents(deps, scope, { ...ALL, action: "token.read" });
    expect(events.length).toBeGreaterThanOrEqual(1);
    await Promise.all(deferred);
    const [kept] = await runInDurableObject(findLog(chain), (_, { storage }) =>
      storage.sql.exec<{ times: number }>("select times from repeats").toArray(),
    );
    expect(kept?.times).toBe(999);
  });
});
