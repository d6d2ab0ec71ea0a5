import { describe, expect, test } from "vitest";
import { listAuditEvents } from "../../../src/services/audit/list-audit-events.ts";
import { createFakeLog, recordLogins, SCOPE } from "./fake-log.ts";

const ALL = { after: 0, limit: 50, action: null, actor: null } as const;

describe("a list of events", () => {
  test("holds what was recorded a moment ago, oldest first", async () => {
    const log = createFakeLog();
    await recordLogins(log, 3);
    const { events, next } = await listAuditEvents(log, SCOPE, ALL);
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(next).toBeNull();
  });

  test("is walked page by page without a gap or a repeat, and ends", async () => {
    const log = createFakeLog();
    await recordLogins(log, 7);
    const seen: number[] = [];
    for (let after: string | null = "0"; after !== null; ) {
      const page = await listAuditEvents(log, SCOPE, { ...ALL, after: Number(after), limit: 3 });
      seen.push(...page.events.map(({ seq }) => seq));
      after = page.next;
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test("a page that ends exactly at the last event has no next", async () => {
    const log = createFakeLog();
    await recordLogins(log, 3);
    expect((await listAuditEvents(log, SCOPE, { ...ALL, limit: 3 })).next).toBeNull();
    expect((await listAuditEvents(log, SCOPE, { ...ALL, limit: 2 })).next).toBe("2");
  });

  test.each([
    ["an action nobody took", { action: "user.logout" as const }],
    ["a person who did nothing", { actor: "usr_99" }],
    ["a number beyond the end", { after: 3 }],
  ])("is empty for %s", async (_, filter) => {
    const log = createFakeLog();
    await recordLogins(log, 3);
    expect(await listAuditEvents(log, SCOPE, { ...ALL, ...filter })).toEqual({ events: [], next: null });
  });

  test("shows one person's events", async () => {
    const log = createFakeLog();
    await recordLogins(log, 3);
    const { events } = await listAuditEvents(log, SCOPE, { ...ALL, actor: "usr_2" });
    expect(events.map(({ seq }) => seq)).toEqual([2]);
  });

  test("is refused rather than incomplete while the database is away", async () => {
    const log = createFakeLog();
    await recordLogins(log, 1);
    log.outage.batches = 1;
    await expect(listAuditEvents(log, SCOPE, ALL)).rejects.toMatchObject({ code: "database_unavailable" });
  });
});
