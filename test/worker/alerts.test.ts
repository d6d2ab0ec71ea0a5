import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import type { AuditLogObject } from "../../src/domain/audit-chain.ts";
import { AUDIT_ACTIONS, type AuditEntry } from "../../src/domain/audit-event.ts";
import { requireValue } from "../../src/domain/outcome.ts";
import { bearer, newPerson, type Person, requireStatus } from "../support/worker-client.ts";
import { queryAsOwner } from "../support/worker-endpoints.ts";
import { type ClientSocket, openSocket, upgrade, waitForSeq } from "../support/worker-socket.ts";

type Stub = DurableObjectStub & AuditLogObject;

const bindings = env as unknown as Bindings;
const CONNECTED: AuditEntry = {
  action: "connection.created",
  outcome: "success",
  actor: { type: "user", id: "usr_1" },
  resource: { type: "connection", id: "con_1", provider: "github" },
  ip: "192.0.2.1",
  requestId: "req_1",
  detail: { é: "😀" },
};

function logOf(person: Person): Stub {
  return bindings.AUDIT_LOG.get(bindings.AUDIT_LOG.idFromName(person.workspaceId)) as unknown as Stub;
}

/** Records so many events; answers the number of the last. */
async function record(person: Person, times: number, entry = CONNECTED): Promise<number> {
  const entries = Array.from({ length: times }, () => entry);
  return requireValue(await logOf(person).append(person.workspaceId, entries)).seq;
}

function numbers(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(to - from + 1, 0) }, (_, index) => from + index);
}

/** Postgres answers nothing until the test is over. */
function cutPostgres() {
  return vi.spyOn(globalThis, "fetch").mockImplementation(() => Promise.reject(new TypeError("no network")));
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a socket", () => {
  test("gets what happens from now on, in order, with the fields the list shows", async () => {
    const person = await newPerson();
    const before = await record(person, 3);
    const socket = await openSocket("", bearer(person.token));
    const last = await record(person, 4);
    await waitForSeq(socket, last);
    expect(socket.seqs()).toEqual(numbers(before + 1, last));
    const { body } = requireStatus(await person.call("GET", `/api/v1/audit?after=${last - 1}`), 200);
    expect(socket.frames.at(-1)).toEqual({ type: "event", ...body.events[0] });
  });

  test("gets everything after the number it names, from wherever that lies", async () => {
    const person = await newPerson();
    await record(person, 450);
    requireValue(await logOf(person).flush());
    const kept = await record(person, 5);
    const socket = await openSocket("?after=0", bearer(person.token));
    await waitForSeq(socket, kept);
    const last = await record(person, 5);
    await waitForSeq(socket, last);
    expect(socket.seqs()).toEqual(numbers(1, last));
  });

  test("misses nothing and gets nothing twice while events keep coming", async () => {
    const person = await newPerson();
    await record(person, 300);
    const sockets: ClientSocket[] = [];
    for (let opened = 0; opened < 10; opened++) {
      await record(person, 7);
      if (opened % 3 === 0) requireValue(await logOf(person).flush());
      sockets.push(await openSocket(`?after=${opened * 20}`, bearer(person.token)));
    }
    const last = await record(person, 30);
    for (const [index, socket] of sockets.entries()) {
      await waitForSeq(socket, last);
      expect(socket.seqs()).toEqual(numbers(index * 20 + 1, last));
    }
  });

  test("that names a number nobody has reached gets what comes after it", async () => {
    const person = await newPerson();
    const head = await record(person, 1);
    const socket = await openSocket(`?after=${head + 3}`, bearer(person.token));
    const last = await record(person, 5);
    await waitForSeq(socket, last);
    expect(socket.seqs()).toEqual(numbers(head + 4, last));
  });

  test("begins at the oldest event there is when what it names was purged", async () => {
    const person = await newPerson();
    const last = await record(person, 20);
    requireValue(await logOf(person).flush());
    await queryAsOwner("delete from audit_events where workspace_id = $1 and seq <= 10", [person.workspaceId]);
    // What is still in memory would be there all the same.
    await evictDurableObject(logOf(person));
    const socket = await openSocket("?after=3", bearer(person.token));
    await waitForSeq(socket, last);
    expect(socket.seqs()).toEqual(numbers(11, last));
  });

  test("goes on after the object has slept, without a gap", async () => {
    const person = await newPerson();
    const before = await record(person, 2);
    const socket = await openSocket("", bearer(person.token));
    await waitForSeq(await openSocket(`?after=${before - 1}`, bearer(person.token)), before);
    for (let round = 0; round < 3; round++) {
      await evictDurableObject(logOf(person));
      await record(person, 2);
    }
    await waitForSeq(socket, before + 6);
    expect(socket.seqs()).toEqual(numbers(before + 1, before + 6));
    socket.send({ type: "ping" });
    await vi.waitFor(() => expect(socket.frames.at(-1)).toEqual({ type: "pong" }));
  });

  test("that was behind when the object fell asleep is brought up to date when it wakes", async () => {
    const person = await newPerson();
    const kept = await record(person, 900);
    requireValue(await logOf(person).flush());
    const socket = await openSocket(`?after=${kept}`, bearer(person.token));
    await runInDurableObject(logOf(person), (_, ctx) => {
      for (const ws of ctx.getWebSockets()) ws.serializeAttachment({ ...ws.deserializeAttachment(), cursor: 100 });
    });
    await evictDurableObject(logOf(person));
    const last = await record(person, 1);
    await waitForSeq(socket, last);
    expect(socket.seqs()).toEqual(numbers(101, last));
  });
});

describe("while Postgres is away", () => {
  test("whoever has everything before goes on, and whoever has not waits and misses nothing", async () => {
    const person = await newPerson();
    const stored = await record(person, 250);
    requireValue(await logOf(person).flush());
    const live = await openSocket("", bearer(person.token));
    const late = await openSocket(`?after=${stored}`, bearer(person.token));
    await runInDurableObject(logOf(person), (_, ctx) => {
      // The newest socket comes last: it has had nothing yet.
      const ws = ctx.getWebSockets().at(-1);
      ws?.serializeAttachment({ ...ws.deserializeAttachment(), cursor: 0 });
    });
    await evictDurableObject(logOf(person));
    const outage = cutPostgres();
    const last = await record(person, 5);
    const both = [live, late];
    await vi.waitFor(() => expect(both.some((socket) => socket.seqs().at(-1) === last)).toBe(true));
    const [waiting] = both.filter((socket) => socket.seqs().length === 0);
    outage.mockRestore();
    if (waiting === undefined) throw new Error("nobody waits");
    await waitForSeq(waiting, last);
    expect(waiting.seqs()).toEqual(numbers(1, last));
    expect(both.find((socket) => socket !== waiting)?.seqs()).toEqual(numbers(stored + 1, last));
  });

  test("nobody is let in", async () => {
    const person = await newPerson();
    const outage = cutPostgres();
    expect((await upgrade("/api/v1/ws/alerts", bearer(person.token))).status).toBe(503);
    outage.mockRestore();
  });
});

describe("a client", () => {
  test("that names actions gets these only, and all again when it names none", async () => {
    const person = await newPerson();
    const socket = await openSocket("", bearer(person.token));
    socket.send({ type: "filter", actions: ["connection.updated", "user.login"] });
    socket.send({ type: "ping" });
    await vi.waitFor(() => expect(socket.frames).toEqual([{ type: "pong" }]));
    await record(person, 3);
    const wanted = await record(person, 1, { ...CONNECTED, action: "connection.updated" });
    await waitForSeq(socket, wanted);
    expect(socket.seqs()).toEqual([wanted]);
    socket.send({ type: "filter", actions: [] });
    socket.send({ type: "ping" });
    await vi.waitFor(() => expect(socket.frames.at(-1)).toEqual({ type: "pong" }));
    await waitForSeq(socket, await record(person, 2));
    expect(socket.seqs()).toEqual([wanted, wanted + 1, wanted + 2]);
  });

  test("that names every action, however often a frame has room for it, gets them all, over a sleep too", async () => {
    const person = await newPerson();
    const socket = await openSocket("", bearer(person.token));
    const actions = Array.from({ length: 60 }, () => AUDIT_ACTIONS).flat();
    socket.send({ type: "filter", actions });
    socket.send({ type: "ping" });
    await vi.waitFor(() => expect(socket.frames).toEqual([{ type: "pong" }]));
    await evictDurableObject(logOf(person));
    await waitForSeq(socket, await record(person, 1));
  });

  test.each<[string, string]>([
    ["no JSON", "ping"],
    ["no object", "[1]"],
    ["an unknown type", '{"type":"subscribe"}'],
    ["an unknown action", '{"type":"filter","actions":["user.hacked"]}'],
    ["a filter without actions", '{"type":"filter"}'],
    ["a prototype", '{"__proto__":{"type":"ping"}}'],
  ])("that says %s is told so, and nothing changes", async (_, text) => {
    const person = await newPerson();
    const socket = await openSocket("", bearer(person.token));
    socket.sendRaw(text);
    await vi.waitFor(() => expect(socket.frames).toMatchObject([{ type: "error", code: "invalid_request" }]));
    expect(JSON.stringify(socket.frames)).not.toContain("hacked");
    await waitForSeq(socket, await record(person, 1));
  });

  test("may say five things in a minute, and is closed at the sixth", async () => {
    const person = await newPerson();
    const socket = await openSocket("", bearer(person.token));
    for (let frame = 0; frame < 5; frame++) socket.send({ type: "ping" });
    await vi.waitFor(() => expect(socket.frames).toHaveLength(5));
    await evictDurableObject(logOf(person));
    socket.send({ type: "ping" });
    expect(await socket.closed).toEqual({ code: 1008, reason: "more than 5 frames in 60 s" });
    expect(socket.frames).toHaveLength(5);
  });

  test.each<[string, string | ArrayBuffer, number]>([
    ["a megabyte", "x".repeat(1024 * 1024), 1009],
    ["just over 64 KiB", `{"type":"ping","x":"${"é".repeat(32 * 1024)}"}`, 1009],
    ["bytes", new ArrayBuffer(4), 1003],
  ])("that sends %s is closed, and the log goes on", async (_, frame, code) => {
    const person = await newPerson();
    const socket = await openSocket("", bearer(person.token));
    const other = await openSocket("", bearer(person.token));
    socket.sendRaw(frame);
    expect(await socket.closed).toMatchObject({ code });
    await waitForSeq(other, await record(person, 1));
    expect(socket.frames).toEqual([]);
  });

  test("that closes is answered, with its own code", async () => {
    const person = await newPerson();
    const socket = await openSocket("", bearer(person.token));
    socket.close(4000, "enough");
    expect(await socket.closed).toEqual({ code: 4000, reason: "enough" });
    await runInDurableObject(logOf(person), (_, ctx) => expect(ctx.getWebSockets()).toEqual([]));
  });

  test("that never says a word is closed when 4 MiB may wait for it, and comes back where it was", async () => {
    const person = await newPerson();
    const quiet = await openSocket("", bearer(person.token));
    const alive = await openSocket("", bearer(person.token));
    const large = { ...CONNECTED, detail: { text: "x".repeat(500), more: "x".repeat(500) } };
    let last = 0;
    for (let sent = 0; sent < 5; sent++) {
      last = await record(person, 1000, large);
      await waitForSeq(alive, last);
      if (sent % 2 === 1) alive.send({ type: "ping" });
    }
    const { code, reason } = await quiet.closed;
    expect(code).toBe(1013);
    const after = quiet.seqs().at(-1);
    expect(reason).toBe(`too slow: send a ping now and then, and come back with after=${after}`);
    const again = await openSocket(`?after=${after}`, bearer(person.token));
    await waitForSeq(again, last);
    expect([...quiet.seqs(), ...again.seqs()]).toEqual(alive.seqs());
  });

  test("that pings is closed when 8 MiB were sent to it all the same, and comes back where it was", async () => {
    const person = await newPerson();
    const pinging = await openSocket("", bearer(person.token));
    const parts = Array.from({ length: 14 }, (_, index) => [`part${index}`, "x".repeat(500)]);
    const large = { ...CONNECTED, detail: Object.fromEntries(parts) };
    let last = 0;
    for (let sent = 0; sent < 4; sent++) {
      last = await record(person, 250, large);
      await waitForSeq(pinging, last);
      pinging.send({ type: "ping" });
    }
    last = await record(person, 250, large);
    const { code, reason } = await pinging.closed;
    expect(code).toBe(1013);
    const after = pinging.seqs().at(-1);
    expect(reason).toBe(`nothing tells whether you read what was sent: come back with after=${after}`);
    const again = await openSocket(`?after=${after}`, bearer(person.token));
    await waitForSeq(again, last);
    expect([...pinging.seqs(), ...again.seqs()]).toEqual(numbers(last - 1249, last));
  });
});
