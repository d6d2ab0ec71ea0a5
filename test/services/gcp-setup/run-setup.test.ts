import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/domain/errors.ts";
import { gcp } from "../../../src/providers/gcp.ts";
import { MAX_APIS_PER_CALL, REQUIRED_APIS } from "../../../src/providers/google/apis.ts";
import { VIEWER_ROLES } from "../../../src/services/gcp-setup/configure-iam.ts";
import { runSetup } from "../../../src/services/gcp-setup/run-setup.ts";
import { asks, google, refusal, run } from "./setup-google.ts";
import { CONNECTION, createFakeRunner, createSetupWorld, ORDER, resultOf, runningSetup } from "./setup-world.ts";

const unavailable = new AppError("provider_unavailable", "Google Cloud gave no usable answer.");

describe("a set-up", () => {
  test("whose every step succeeds is a success, recorded once, and asks a person for what Google has no API for", async () => {
    const { end, setup, audit } = await run(google(["one", "two"]));
    expect(end).toBe("success");
    expect(resultOf(setup)).toMatchObject({
      problems: [],
      projects: [
        { project_id: "one", status: "ready", service_account: "sa@one" },
        { project_id: "two", status: "ready" },
      ],
      billing_exports: [{ billing_account: "billingAccounts/A", project_id: "one", status: "needs_console" }],
      action_required: [expect.stringContaining("one.billing_export")],
    });
    expect(audit.entries).toMatchObject([
      { action: "connection.updated", detail: { change: "setup", status: "success" } },
    ]);
  });

  test("returns nothing secret from any step", async () => {
    const { runner } = await run(google(["one"]));
    expect(JSON.stringify([...runner.finished])).not.toMatch(/token-\d|sa-token/);
  });

  test("that was killed after any step goes on without running a finished one again", async () => {
    const whole = (await run(google(["one", "two"]))).asked.map(({ target }) => target);
    const names = [...(await run(google(["one", "two"]))).runner.finished.keys()];
    for (const name of names) {
      const world = createSetupWorld(google(["one", "two"]), [runningSetup()]);
      const runner = createFakeRunner(name);
      const again = { deps: world.deps, order: ORDER, runner };
      await expect(runSetup(again)).rejects.toThrow("killed");
      expect(await runSetup(again)).toBe("success");
      expect(world.asked.map(({ target }) => target)).toEqual(whole);
    }
  });

  test("enables what the credential may be sent to, in calls Google takes", () => {
    expect(gcp.apiHosts.filter((host) => !REQUIRED_APIS.includes(host))).toEqual([]);
    expect(MAX_APIS_PER_CALL).toBe(20);
  });

  test("grants nothing that changes anything", () => {
    expect(VIEWER_ROLES.filter((role) => !/([vV]iewer|browser)$/.test(role))).toEqual([]);
    expect(VIEWER_ROLES).not.toContain("roles/viewer");
  });
});

describe("what stands in the way", () => {
  test("an outage is outlasted, and one without end is said after the last try", async () => {
    const { end } = await run(google(["one"], (_asked, earlier) => (earlier.length < 4 ? unavailable : undefined)));
    expect(end).toBe("success");
    const { setup } = await run(
      google(["one"], ({ target }) => (target.endsWith(":batchEnable") ? unavailable : undefined)),
    );
    expect(resultOf(setup)).toMatchObject({
      status: "partial",
      problems: [{ step: "enable_apis", message: unavailable.message }],
    });
  });

  test("a credential Google does not accept is renewed by force, once", async () => {
    const { end, levers } = await run(
      google(["one"], ({ token }) => (token === "token-1" ? refusal(401, "UNAUTHENTICATED") : undefined)),
    );
    expect(end).toBe("success");
    expect(levers.refreshes.filter(Boolean)).toHaveLength(1);
  });

  test("a connection whose grant is gone fails in words a person can act on", async () => {
    const world = createSetupWorld(google(["one"]), [runningSetup()]);
    world.levers.connection = { ...CONNECTION, status: "reauth_required" };
    expect(await runSetup({ deps: world.deps, order: ORDER, runner: createFakeRunner() })).toBe("failed");
    expect(resultOf(world.store.rows.get(CONNECTION.id)).message).toContain("connect the account again");
  });

  test("a disconnect in the middle ends it, and writes nothing", async () => {
    const world = createSetupWorld(
      google(["one"], ({ target }) => {
        if (target.endsWith(":batchEnable")) world.levers.connection = null;
        return undefined;
      }),
      [runningSetup()],
    );
    expect(await runSetup({ deps: world.deps, order: ORDER, runner: createFakeRunner() })).toBe("superseded");
    expect(world.store.rows.get(CONNECTION.id)?.status).toBe("running");
    expect(asks(world.asked, "serviceAccounts")).toEqual([]);
  });

  test("an attempt that another has replaced touches nothing", async () => {
    const world = createSetupWorld(google(["one"]), [runningSetup({ attempt: 2 })]);
    expect(await runSetup({ deps: world.deps, order: ORDER, runner: createFakeRunner() })).toBe("superseded");
    expect(world.asked).toEqual([]);
  });

  test("a bug in one project's step is no end of the others, and is not shown", async () => {
    const { setup } = await run(
      google(["one", "two"], ({ target }) => {
        if (target.includes("projects/one:getIamPolicy")) throw new TypeError("secret words");
        return undefined;
      }),
    );
    expect(resultOf(setup).status).toBe("partial");
    expect(JSON.stringify(setup)).not.toContain("secret words");
  });
});
