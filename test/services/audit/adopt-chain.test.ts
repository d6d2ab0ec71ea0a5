import { expect, test } from "vitest";
import { isNextRow } from "../../../src/domain/audit-chain.ts";
import { findForgottenChain, rechainEvents } from "../../../src/services/audit/adopt-chain.ts";
import { flushAuditEvents } from "../../../src/services/audit/flush-audit-events.ts";
import { CHAIN, createFakeLog, type FakeLog, recordLogins, sha256 } from "./fake-log.ts";

/** What the emptied log of that table would be told. */
function ask(table: FakeLog, emptied: FakeLog, flushedSeq = 0) {
  const outbox = { chain: () => CHAIN, flushedSeq: () => flushedSeq, pending: emptied.append.outbox.pending };
  return findForgottenChain({ outbox, events: table.auditEvents, checkpoints: table.auditCheckpoints });
}

async function createPast(events: number): Promise<FakeLog> {
  const past = createFakeLog();
  await recordLogins(past, events);
  await flushAuditEvents(past.flush);
  await past.sign();
  return past;
}

test("a log that was emptied finds where its chain begins and ends, and what was signed of it", async () => {
  const past = await createPast(1003);
  const rows = [...past.rows];
  past.rows.splice(0, 2);
  const emptied = createFakeLog();
  await recordLogins(emptied, 1);
  const found = await ask(past, emptied);
  expect(found).toMatchObject({
    anchor: { seq: 2, hash: rows[1]?.hash },
    last: { seq: 1003, hash: rows[1002]?.hash },
    checkpoints: [{ seq: 1000, hash: rows[999]?.hash }],
  });
});

test("its events go on behind the last row, in order, and keep all but their numbers", async () => {
  const past = await createPast(3);
  const emptied = createFakeLog();
  emptied.clock.ms += 60_000;
  await recordLogins(emptied, 2);
  const found = await ask(past, emptied);
  if (found === null) throw new Error("no chain was found");
  const moved = await rechainEvents(found.last, emptied.outbox, sha256);
  expect(moved.map(({ seq }) => seq)).toEqual([4, 5]);
  let head = found.last;
  for (const [index, event] of moved.entries()) {
    const columns = JSON.parse(event.text);
    expect(await isNextRow(head, { ...event, columns }, sha256)).toBe(true);
    expect({ ...columns, seq: index + 1 }).toEqual(JSON.parse(emptied.outbox[index]?.text ?? ""));
    head = event;
  }
});

test.each<[string, (log: FakeLog) => Promise<FakeLog>, number]>([
  ["Postgres has nothing of", async () => createFakeLog(), 0],
  ["has brought something to Postgres before", async () => createPast(3), 2],
  [
    "has brought what is there itself, and did not hear so",
    async (log) => {
      await log.auditEvents.insert(CHAIN, log.outbox);
      return log;
    },
    0,
  ],
])("a log that %s has forgotten nothing", async (_, createTable, flushedSeq) => {
  const log = createFakeLog();
  await recordLogins(log, 2);
  expect(await ask(await createTable(log), log, flushedSeq)).toBeNull();
});
