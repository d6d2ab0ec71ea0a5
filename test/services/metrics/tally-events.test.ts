import { describe, expect, test } from "vitest";
import { AUDIT_ACTIONS, type AuditAction } from "../../../src/domain/audit-event.ts";
import {
  emptyTally,
  SECURITY_COUNTERS,
  type SecurityCount,
  securityCounterOf,
} from "../../../src/domain/metric-security.ts";
import { readTally, tallyDatabaseFailures, tallyEvents } from "../../../src/services/metrics/tally-events.ts";
import { createFakeMetrics } from "../../support/fake-metrics.ts";

const MINUTE_MS = 60_000;

function createLog() {
  const clock = { ms: 1_800_000_000_000 };
  const rows: (SecurityCount & { readonly minute: number })[] = [];
  const metrics = createFakeMetrics();
  const deps = {
    metrics,
    nowMs: () => clock.ms,
    tally: {
      add: (minute: number, count: SecurityCount) => void rows.push({ minute, ...count }),
      since: (minute: number) => rows.filter((row) => row.minute > minute),
    },
  };
  const hear = (action: AuditAction, detail: object = {}) =>
    tallyEvents(deps, [{ seq: 1, text: JSON.stringify({ action, detail }), prevHash: "", hash: "" }]);
  return { clock, deps, hear, metrics };
}

describe("an audit event counts as", () => {
  test.each<[AuditAction, string]>([
    ["user.login_failed", "failed_authentications"],
    ["user.password_change_failed", "failed_authentications"],
    ["auth.failed", "failed_authentications"],
    ["limit.exceeded", "rate_limit_violations"],
    ["auth.forbidden", "unauthorized_access"],
    ["usage.abnormal", "abnormal_usage"],
    ["connection.refresh_failed", "refresh_failures"],
    ["connection.reauth_required", "refresh_failures"],
  ])("%s: %s", (action, counter) => {
    const { deps, hear, metrics } = createLog();
    hear(action);
    expect(readTally(deps, 60, [])).toEqual({ ...emptyTally(), [counter]: 1 });
    expect(metrics.counted(`aurora_${counter}_total` as "aurora_abnormal_usage_total")).toEqual({ "": 1 });
  });

  test("nothing, when it is nothing to worry about", () => {
    const { deps, hear } = createLog();
    const harmless = AUDIT_ACTIONS.filter((action) => securityCounterOf(action) === null);
    expect(harmless.length).toBeGreaterThan(25);
    for (const action of harmless) hear(action, { count: 5 });
    expect(readTally(deps, 60, [])).toEqual(emptyTally());
    expect(securityCounterOf("constructor")).toBeNull();
  });
});

describe("a tally", () => {
  test("adds the repeats that an event stands for, and no other count in it", () => {
    const { deps, hear } = createLog();
    hear("auth.forbidden");
    hear("auth.forbidden", { count: 99 });
    hear("limit.exceeded", { count: "7" });
    hear("usage.abnormal", { count: 500 });
    expect(readTally(deps, 60, [])).toMatchObject({
      unauthorized_access: 100,
      rate_limit_violations: 1,
      abnormal_usage: 1,
    });
  });

  test("adds the repeats of the minute under way, which are no events yet", () => {
    const { deps, hear } = createLog();
    hear("auth.failed");
    const repeated = [
      { action: "auth.failed", times: 4 },
      { action: "token.read", times: 1000 },
    ];
    expect(readTally(deps, 60, repeated)).toEqual({ ...emptyTally(), failed_authentications: 5 });
  });

  test("goes over the period and not beyond it", () => {
    const { clock, deps, hear } = createLog();
    hear("auth.failed");
    clock.ms += 59 * MINUTE_MS;
    hear("auth.failed");
    expect(readTally(deps, 60, []).failed_authentications).toBe(2);
    clock.ms += MINUTE_MS;
    expect(readTally(deps, 60, []).failed_authentications).toBe(1);
    expect(readTally(deps, 1440, []).failed_authentications).toBe(2);
  });

  test("holds failures of the database beside what the log tells of", () => {
    const { deps } = createLog();
    tallyDatabaseFailures(deps, 3);
    tallyDatabaseFailures(deps, 2);
    expect(readTally(deps, 60, [])).toEqual({ ...emptyTally(), database_failures: 5 });
    expect(Object.keys(emptyTally())).toEqual([...SECURITY_COUNTERS]);
  });
});
