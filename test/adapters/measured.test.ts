import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { measureAuditEvents } from "../../src/adapters/metrics/measured-audit-events.ts";
import { createVaultTimer, measureSecretStore } from "../../src/adapters/metrics/measured-secret-store.ts";
import { createMetricsToken } from "../../src/adapters/metrics/metrics-token.ts";
import { createSecurityTallies } from "../../src/adapters/metrics/security-tallies.ts";
import { ConstraintError, type Database } from "../../src/adapters/neon/database.ts";
import { measureDatabase } from "../../src/adapters/neon/measured-database.ts";
import type { AuditEventStore } from "../../src/domain/audit-chain.ts";
import { AppError } from "../../src/domain/errors.ts";
import { requireId } from "../../src/domain/ids.ts";
import { emptyTally } from "../../src/domain/metric-security.ts";
import { createSecret } from "../../src/domain/secret.ts";
import type { SecretPlace } from "../../src/domain/secret-ref.ts";
import { createFakeMetrics } from "../support/fake-metrics.ts";
import { createFakeSecretStore } from "../support/fake-secret-store.ts";

const AWAY = new AppError("database_unavailable", "away");
const WORKSPACE = requireId("wsp", `wsp_${"1".repeat(32)}`);
const SCOPE = { userId: requireId("usr", `usr_${"2".repeat(32)}`), workspaceId: WORKSPACE };
const STATEMENT = { text: "select 1", params: [] };
const SECONDS = "aurora_database_request_duration_seconds";

function createDatabase(error: unknown) {
  const metrics = createFakeMetrics();
  const run = async () => {
    if (error !== null) throw error;
    return [[{ one: 1 }]];
  };
  const database: Database = { as: run, enter: run };
  return { metrics, database: measureDatabase(database, metrics, () => 1000) };
}

describe("a measured database", () => {
  test("answers what the database answers", async () => {
    const { metrics, database } = createDatabase(null);
    expect(await database.as(SCOPE, STATEMENT)).toEqual([[{ one: 1 }]]);
    expect(metrics.counted(SECONDS)).toEqual({ ok: 1 });
    expect(metrics.failures()).toEqual({});
  });

  test("counts a failure, for the workspace whose rows were asked for", async () => {
    const { metrics, database } = createDatabase(AWAY);
    await expect(database.as(SCOPE, STATEMENT)).rejects.toBe(AWAY);
    expect(metrics.counted(SECONDS)).toEqual({ failed: 1 });
    expect(metrics.counted("aurora_database_failures_total")).toEqual({ "": 1 });
    expect(metrics.failures()).toEqual({ [WORKSPACE]: 1 });
  });

  test("counts a failure before anybody is known for the deployment alone", async () => {
    const { metrics, database } = createDatabase(AWAY);
    await expect(database.enter(STATEMENT)).rejects.toBe(AWAY);
    expect(metrics.counted("aurora_database_failures_total")).toEqual({ "": 1 });
    expect(metrics.failures()).toEqual({});
  });

  test("does not call it a failure that a rule of the schema was broken", async () => {
    const { metrics, database } = createDatabase(new ConstraintError("23505", null));
    await expect(database.as(SCOPE, STATEMENT)).rejects.toThrow(ConstraintError);
    expect(metrics.counted(SECONDS)).toEqual({ ok: 1 });
    expect(metrics.counted("aurora_database_failures_total")).toEqual({});
  });
});

test("a measured secret store times every call by its kind and whether it failed", async () => {
  const metrics = createFakeMetrics();
  const real = createFakeSecretStore();
  const store = measureSecretStore(
    real,
    createVaultTimer(metrics, () => 1000),
  );
  const place: SecretPlace = { mount: "aurora", path: "users/x" };
  expect(await store.write(place, { a: "1" }, 0)).toBe(1);
  expect(await store.read(place)).toMatchObject({ version: 1 });
  await store.readVersion(place, 1);
  await store.readNewestVersion(place);
  await store.listVersions(place);
  await store.label(place, {});
  await store.check();
  await store.erase(place);
  real.setDown(true);
  await expect(store.read(place)).rejects.toMatchObject({ code: "vault_unavailable" });
  expect(metrics.counted("aurora_vault_request_duration_seconds")).toEqual({
    "write ok": 1,
    "read ok": 2,
    "versions ok": 2,
    "label ok": 1,
    "check ok": 1,
    "erase ok": 1,
    "read failed": 1,
  });
});

test("audit events are counted as they arrive in the database, and each time they do not", async () => {
  const metrics = createFakeMetrics();
  let isAway = true;
  let taken: readonly number[] = [];
  const insert = async () => {
    if (isAway) throw AWAY;
    return taken;
  };
  const store = measureAuditEvents({ insert } as Partial<AuditEventStore> as AuditEventStore, metrics);
  const event = { seq: 1, text: "{}", prevHash: "", hash: "" };
  await expect(store.insert("chain", [event, event])).rejects.toBe(AWAY);
  isAway = false;
  await store.insert("chain", [event, event]);
  expect(metrics.counted("aurora_audit_flush_failures_total")).toEqual({ "": 1 });
  expect(metrics.counted("aurora_audit_events_total")).toEqual({ stored: 2 });
  taken = [1];
  await store.insert("chain", [event, event]);
  expect(metrics.counted("aurora_audit_flush_failures_total")).toEqual({ "": 2 });
  expect(metrics.counted("aurora_audit_events_total")).toEqual({ stored: 3 });
});

test("the token of /metrics is taken as a whole, and nothing is when there is none", async () => {
  const sha256 = async (text: string) => createHash("sha256").update(text).digest("hex");
  const token = "t".repeat(32);
  const isToken = createMetricsToken(createSecret(token), sha256);
  expect(await isToken(token)).toBe(true);
  for (const wrong of ["", "t", `${token}t`, token.slice(1), token.toUpperCase()])
    expect(await isToken(wrong)).toBe(false);
  const isNothing = createMetricsToken(null, sha256);
  expect(await isNothing("")).toBe(false);
  expect(await isNothing("null")).toBe(false);
});

describe("the tally of a workspace", () => {
  test("comes after what this isolate has counted was sent", async () => {
    const order: string[] = [];
    const tallies = createSecurityTallies({
      find: (chain) => ({
        tally: async (minutes) => {
          order.push(`tally ${chain} ${minutes}`);
          return emptyTally();
        },
      }),
      drainAudit: async (chain) => void order.push(`audit ${chain}`),
      drainMetrics: async () => void order.push("metrics"),
    });
    await tallies.tally("one", "24h");
    expect(order).toEqual(["audit one", "metrics", "tally one 1440"]);
  });

  test("is refused when its log does not answer, without the reason", async () => {
    const tallies = createSecurityTallies({
      find: () => ({ tally: () => Promise.reject(new Error("a stack of ours")) }),
      drainAudit: async () => undefined,
      drainMetrics: async () => undefined,
    });
    await expect(tallies.tally("one", "1h")).rejects.toMatchObject({ code: "database_unavailable" });
  });
});
