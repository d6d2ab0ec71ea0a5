import { describe, expect, test } from "vitest";
import type { Setup } from "../../../src/domain/gcp-setup.ts";
import { gcp } from "../../../src/providers/gcp.ts";
import { runAfterConnect } from "../../../src/services/connections/after-connect.ts";
import { selectProjects } from "../../../src/services/gcp-setup/select-projects.ts";
import { wakeSetups } from "../../../src/services/gcp-setup/wake-setups.ts";
import type { Caller } from "../../../src/services/record-deed.ts";
import { createFakeAuditLog } from "../../support/fake-audit-log.ts";
import { createLogbook } from "../../support/fake-logbook.ts";
import { TEST_SETTINGS } from "../../support/test-settings.ts";
import {
  CONNECTION,
  connectionId,
  createFakeRuns,
  createFakeStore,
  OWNER,
  resultOf,
  runningSetup,
  WORKSPACE,
} from "./setup-world.ts";

const CALLER = {
  principal: { id: OWNER, workspaceId: WORKSPACE, credential: { kind: "session" }, impersonatedBy: null },
  ip: null,
  requestId: null,
} as unknown as Caller;
const known = (...ids: string[]) => ids.map((project_id) => ({ project_id, name: project_id }));
const waiting = (change: Partial<Setup> = {}) =>
  runningSetup({ status: "needs_selection", projects: known("a", "b"), ...change });

function select(setups: readonly Setup[], selected: readonly string[], id: Setup["connectionId"] | null = null) {
  const { runs, started } = createFakeRuns();
  const deps = { audit: createFakeAuditLog(), gcpSetups: createFakeStore(setups), gcpSetupRuns: runs };
  return { started, answer: selectProjects(deps, CALLER, selected, id) };
}

describe("selecting projects", () => {
  test("begins another attempt with them, each once", async () => {
    const { answer, started } = select([waiting()], ["b", "b"]);
    expect(await answer).toBe(CONNECTION.id);
    expect(started).toMatchObject([{ attempt: 2, selection: ["b"] }]);
  });

  test.each(["partial", "failed"] as const)("goes on with one that came to %s", async (status) => {
    const { answer, started } = select([waiting({ status })], ["a"]);
    await answer;
    expect(started).toHaveLength(1);
  });

  test.each(["running", "success"] as const)("is refused for one that is %s", async (status) => {
    const { answer, started } = select([waiting({ status })], ["a"]);
    await expect(answer).rejects.toMatchObject({ code: "conflict" });
    expect(started).toEqual([]);
  });

  test("is refused where nothing was begun", async () => {
    await expect(select([], ["a"]).answer).rejects.toMatchObject({ code: "conflict" });
  });

  test("is refused for a project that was not found", async () => {
    await expect(select([waiting()], ["a", "z"]).answer).rejects.toMatchObject({ code: "invalid_request" });
  });

  test("goes on where none was found, with one that has come since, unless another set-up knows it", async () => {
    const empty = waiting({ status: "failed", projects: [] });
    const begun = select([empty], ["new"]);
    expect(await begun.answer).toBe(CONNECTION.id);
    expect(begun.started).toMatchObject([{ selection: ["new"] }]);
    const other = waiting({ connectionId: connectionId("4"), status: "failed", projects: known("new") });
    expect(await select([empty, other], ["new"]).answer).toBe(other.connectionId);
  });

  test("of two accounts that wait, the one that knows the projects goes on, or the one that is named", async () => {
    const other = waiting({ connectionId: connectionId("4"), projects: known("c") });
    expect(await select([waiting(), other], ["c"]).answer).toBe(other.connectionId);
    const named = select([waiting(), other], ["c"], CONNECTION.id);
    await expect(named.answer).rejects.toMatchObject({ code: "invalid_request" });
  });
});

describe("what was left behind", () => {
  async function wake(state: "alive" | "ended" | "absent", environment: "production" | "test") {
    const { runs, started, woken } = createFakeRuns(state);
    const store = createFakeStore([runningSetup()]);
    await wakeSetups({
      log: createLogbook(),
      gcpSetups: store,
      gcpSetupRuns: runs,
      settings: { ...TEST_SETTINGS, environment },
    });
    return { started, woken, setup: store.rows.get(CONNECTION.id) };
  }

  test.each(["production", "test"] as const)("is started where it never was, in %s", async (environment) => {
    expect((await wake("absent", environment)).started).toHaveLength(1);
  });

  test("is woken outside production, where the platform does not do it", async () => {
    expect((await wake("alive", "test")).woken).toHaveLength(1);
    expect((await wake("alive", "production")).woken).toEqual([]);
  });

  test("is called failed where its Workflow ended without a word", async () => {
    const { setup } = await wake("ended", "production");
    expect(resultOf(setup)).toMatchObject({ status: "failed", message: expect.stringContaining("unexpectedly") });
  });

  test("one in trouble does not keep the others waiting", async () => {
    const { runs, started } = createFakeRuns("absent");
    const other = runningSetup({ connectionId: connectionId("4") });
    const failing = {
      ...runs,
      start: async (order: Parameters<typeof runs.start>[0]) => {
        if (order.connectionId === CONNECTION.id) throw new Error("no Workflow");
        await runs.start(order);
      },
    };
    const store = createFakeStore([runningSetup(), other]);
    await wakeSetups({ log: createLogbook(), gcpSetups: store, gcpSetupRuns: failing, settings: TEST_SETTINGS });
    expect(started).toMatchObject([{ connectionId: other.connectionId }]);
  });
});

describe("after a consent", () => {
  test("a set-up that cannot be started does not fail the connection, and is found by the cron", async () => {
    const { runs } = createFakeRuns();
    const store = createFakeStore([]);
    const failing = { ...runs, start: () => Promise.reject(new Error("no Workflow")) };
    await runAfterConnect({ log: createLogbook(), gcpSetups: store, gcpSetupRuns: failing }, gcp, CONNECTION);
    expect(store.rows.get(CONNECTION.id)?.status).toBe("running");
  });

  test("one that is running goes on; a finished one begins anew", async () => {
    const { runs, started } = createFakeRuns();
    const deps = { log: createLogbook(), gcpSetups: createFakeStore([runningSetup()]), gcpSetupRuns: runs };
    await runAfterConnect(deps, gcp, CONNECTION);
    expect(started).toEqual([]);
    const again = { ...deps, gcpSetups: createFakeStore([waiting({ status: "success" })]) };
    await runAfterConnect(again, gcp, CONNECTION);
    expect(started).toMatchObject([{ attempt: 2, selection: null }]);
  });
});
