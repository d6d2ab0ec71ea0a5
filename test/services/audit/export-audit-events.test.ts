import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AppError } from "../../../src/domain/errors.ts";
import { exportAuditEvents } from "../../../src/services/audit/export-audit-events.ts";
import { flushAuditEvents } from "../../../src/services/audit/flush-audit-events.ts";
import { pruneAuditEvents } from "../../../src/services/audit/prune-audit-events.ts";
import { CHAIN, createFakeLog, type FakeLog, KEY, recordLogins, SCOPE } from "./fake-log.ts";

const ALL = { after: 0, action: null, actor: null } as const;

async function exportAll(log: FakeLog, filter: object = {}, format: "jsonl" | "csv" = "jsonl"): Promise<string> {
  return await new Response(await exportAuditEvents(log, SCOPE, { ...ALL, ...filter }, format)).text();
}
const seqsOf = (text: string) =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line).seq);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe("an export", () => {
  test.each([0, 1, 999, 1000, 1001, 2500])("of %d events holds each once, in order", async (count) => {
    const log = createFakeLog();
    await recordLogins(log, count);
    expect(seqsOf(await exportAll(log))).toEqual(upTo(count));
  });

  test("of a table has a header, also when there is nothing", async () => {
    const log = createFakeLog();
    expect(await exportAll(log, {}, "csv")).toMatch(/^seq,at,action[\w,]*,hash\r\n$/);
    await recordLogins(log, 1200);
    expect((await exportAll(log, {}, "csv")).split("\r\n")).toHaveLength(1202);
  });

  test("can be narrowed to a person and begun behind a number", async () => {
    const log = createFakeLog();
    await recordLogins(log, 5);
    expect(seqsOf(await exportAll(log, { actor: "usr_2" }))).toEqual([2]);
    expect(seqsOf(await exportAll(log, { after: 3 }))).toEqual([4, 5]);
  });

  test("ends with what had happened when it was asked for", async () => {
    const log = createFakeLog();
    await recordLogins(log, 1500);
    const body = await exportAuditEvents(log, SCOPE, ALL, "jsonl");
    await recordLogins(log, 10);
    await flushAuditEvents(log.flush);
    expect(seqsOf(await new Response(body).text())).toEqual(upTo(1500));
  });

  test("is read from the database only as it is read by the client", async () => {
    const log = createFakeLog();
    await recordLogins(log, 3500);
    let pages = 0;
    const { list } = log.auditEvents;
    const watched = {
      ...log.auditEvents,
      list: (...asked: Parameters<typeof list>) => {
        pages += 1;
        return list(...asked);
      },
    };
    const body = await exportAuditEvents({ ...log, auditEvents: watched }, SCOPE, ALL, "jsonl");
    const reader = body.getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(pages).toBe(1);
    await reader.cancel();
    expect(pages).toBe(1);
  });

  test("is refused before the first byte while the database is away", async () => {
    const log = createFakeLog();
    await recordLogins(log, 1);
    log.outage.batches = 1;
    await expect(exportAll(log)).rejects.toMatchObject({ code: "database_unavailable" });
  });

  test("fails in the middle when the database goes away then, rather than end", async () => {
    const log = createFakeLog();
    await recordLogins(log, 2500);
    let pages = 0;
    const { list } = log.auditEvents;
    const failing = {
      ...log.auditEvents,
      list: (...asked: Parameters<typeof list>) => {
        pages += 1;
        return pages > 2 ? Promise.reject(new AppError("database_unavailable", "away")) : list(...asked);
      },
    };
    const body = await exportAuditEvents({ ...log, auditEvents: failing }, SCOPE, ALL, "jsonl");
    await expect(new Response(body).text()).rejects.toMatchObject({ code: "database_unavailable" });
  });
});

describe("the recipe of docs/audit.md", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "aurora-audit-"));
    const page = readFileSync(join(import.meta.dirname, "../../../docs/audit.md"), "utf8");
    writeFileSync(join(folder, "verify-export.mjs"), /^```js\n(.*?)^```$/ms.exec(page)?.[1] ?? "");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs it on what an auditor would have downloaded, after somebody tampered with the export. */
  async function check(log: FakeLog, tamper: (text: string) => string = (text) => text) {
    const { d, ...key } = KEY;
    const checkpoints = log.checkpoints.table.map(({ keyId, ...rest }) => ({ ...rest, key_id: keyId }));
    const files = {
      "export.jsonl": tamper(await exportAll(log)),
      "checkpoints.json": JSON.stringify({ chain: CHAIN, checkpoints, next: null }),
      "keys.json": JSON.stringify({ keys: [key] }),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const { status, stdout, stderr } = spawnSync(process.execPath, ["verify-export.mjs", ...Object.keys(files)], {
      cwd: folder,
      encoding: "utf8",
    });
    return { status, said: `${stdout}${stderr}`.trim() };
  }

  async function signedLog(): Promise<FakeLog> {
    const log = createFakeLog();
    await recordLogins(log, 2100);
    await flushAuditEvents(log.flush);
    await log.sign();
    return log;
  }

  test("finds a whole export good", async () => {
    expect(await check(await signedLog())).toEqual({
      status: 0,
      said: "ok: events up to 2100 follow one another, those up to 2000 are signed",
    });
  });

  test("finds an export good whose beginning was pruned", async () => {
    const log = await signedLog();
    log.clock.ms += 400 * 86_400_000;
    await recordLogins(log, 1);
    await pruneAuditEvents(log, CHAIN, log.now(), 1500);
    expect(await check(log)).toMatchObject({ status: 0 });
  });

  test.each<[string, (text: string) => string, string]>([
    ["an edited event", (text) => text.replace('"usr_1500"', '"usr_9"'), "event 1500 does not follow from 1499"],
    ["a deleted event", (text) => text.replace(/^.*"usr_1500".*\n/m, ""), "event 1501 does not follow from 1499"],
    ["a beginning cut off", (text) => text.replace(/^.*\n/, ""), "nothing proves what came before 2"],
    ["an end broken off", (text) => text.slice(0, -40), "the file breaks off"],
  ])("finds %s", async (_, tamper, said) => {
    expect(await check(await signedLog(), tamper)).toEqual({ status: 1, said });
  });

  test("finds a checkpoint that was signed by somebody else", async () => {
    const log = await signedLog();
    log.checkpoints.table = log.checkpoints.table.map((one) => ({ ...one, hash: "0".repeat(64) }));
    expect(await check(log)).toMatchObject({
      status: 1,
      said: expect.stringMatching(/^checkpoint 1000 was not signed/),
    });
  });
});
