import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/domain/errors.ts";
import { gcp } from "../../../src/providers/gcp.ts";
import { MAX_APIS_PER_CALL, REQUIRED_APIS } from "../../../src/providers/google/apis.ts";
import { VIEWER_ROLES } from "../../../src/services/gcp-setup/configure-iam.ts";
import { runSetup } from "../../../src/services/gcp-setup/run-setup.ts";
import {
  type Asked,
  CONNECTION,
  createFakeRunner,
  createSetupWorld,
  EMAIL,
  type Google,
  ORDER,
  resultOf,
  runningSetup,
} from "./setup-world.ts";

type Answer = ReturnType<Google>;
/** Overrides of one kind of call; undefined = the usual answer. */
type Override = (asked: Asked, earlier: readonly Asked[]) => Answer | undefined;

const MANAGER = "cloudresourcemanager.googleapis.com/v1/projects";
const refusal = (status: number, code: string, reason?: string): Answer => ({
  status,
  body: { error: { code: status, status: code, message: "secret words", ...(reason && { details: [{ reason }] }) } },
});
const unavailable = new AppError("provider_unavailable", "Google Cloud gave no usable answer.");

/** A Google where everything works, but for what `override` says. */
function google(ids: readonly string[], override: Override = () => undefined): Google {
  return (asked, earlier) => override(asked, earlier) ?? usual(ids, asked);
}

function usual(ids: readonly string[], { method, target }: Asked): Answer {
  const project = ids.find((id) => target.includes(`/projects/${id}`)) ?? "";
  const described = (id: string) => ({ projectId: id, projectNumber: "1", name: id, lifecycleState: "ACTIVE" });
  if (target === MANAGER) return { body: { projects: ids.map(described) } };
  if (target.endsWith("/billingInfo"))
    return { body: { billingEnabled: true, billingAccountName: "billingAccounts/A" } };
  if (target.endsWith(":batchEnable")) return { body: { name: "operations/noop.DONE_OPERATION", done: true } };
  if (target.endsWith(":getIamPolicy")) return { body: { etag: "e1", bindings: [] } };
  if (target.endsWith(":setIamPolicy")) return { body: {} };
  if (target.endsWith(":generateAccessToken")) return { body: { accessToken: "sa-token" } };
  if (target.endsWith("/serviceAccounts")) return { body: { email: `sa@${project}` } };
  if (target.endsWith("/datasets/billing_export")) return refusal(404, "NOT_FOUND");
  if (target.startsWith("bigquery")) return { body: {} };
  if (method === "GET" && target === `${MANAGER}/${project}`) return { body: described(project) };
  throw new Error(`nobody answers ${method} ${target}`);
}

async function run(answers: Google, order = ORDER) {
  const world = createSetupWorld(answers, [runningSetup()]);
  const runner = createFakeRunner();
  const end = await runSetup({ deps: world.deps, order, runner });
  return { ...world, end, runner, setup: world.store.rows.get(CONNECTION.id) };
}

const asks = (asked: readonly Asked[], part: string) => asked.filter(({ target }) => target.includes(part));

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

describe("fetching projects", () => {
  test("follows every page, and leaves out what is not active or not billed", async () => {
    const { end, asked, setup } = await run(
      google(["one", "two"], ({ target, query }) => {
        if (target === `cloudbilling.googleapis.com/v1/projects/two/billingInfo`)
          return { body: { billingEnabled: false } };
        if (target !== MANAGER) return undefined;
        const page = (projectId: string, lifecycleState = "ACTIVE") => [
          { projectId, projectNumber: "1", lifecycleState },
        ];
        if (query.get("pageToken") === "2") return { body: { projects: page("two") } };
        return { body: { projects: [...page("one"), ...page("gone", "DELETE_REQUESTED")], nextPageToken: "2" } };
      }),
    );
    expect(end).toBe("success");
    expect(asks(asked, "gone")).toEqual([]);
    expect(resultOf(setup)).toMatchObject({
      projects: [{ project_id: "one" }],
      skipped_projects: [{ project_id: "two", reason: "Billing is not enabled for it." }],
    });
  });

  test("asks about the selected ones alone", async () => {
    const { asked, end } = await run(google(["one", "two", "three"]), { ...ORDER, selection: ["two"] });
    expect(end).toBe("success");
    expect(asks(asked, "/one").concat(asks(asked, "/three"))).toEqual([]);
    expect(asked.some(({ target }) => target === MANAGER)).toBe(false);
  });

  test("a selected one that is no longer billed is a problem, not a choice", async () => {
    const answers = google(["one", "two"], ({ target }) =>
      target.includes("two/billingInfo") ? { body: { billingEnabled: false } } : undefined,
    );
    const { setup } = await run(answers, { ...ORDER, selection: ["one", "two"] });
    expect(resultOf(setup)).toMatchObject({
      status: "partial",
      problems: [{ project_id: "two", step: "fetch_projects" }],
    });
  });

  test("more than five billed ones wait for a selection, and nothing is changed", async () => {
    const ids = ["p1", "p2", "p3", "p4", "p5", "p6"];
    const { end, asked, setup } = await run(google(ids));
    expect(end).toBe("needs_selection");
    expect(setup?.projects.map(({ project_id }) => project_id)).toEqual(ids);
    expect(asked.filter(({ method }) => method !== "GET")).toEqual([]);
  });

  test("exactly five are set up unasked", async () => {
    expect((await run(google(["p1", "p2", "p3", "p4", "p5"]))).end).toBe("success");
  });

  test("an account that may not list is a failure in our words", async () => {
    const { setup } = await run(google([], () => refusal(403, "PERMISSION_DENIED")));
    expect(setup?.status).toBe("failed");
    expect(JSON.stringify(setup)).toContain("PERMISSION_DENIED");
    expect(JSON.stringify(setup)).not.toContain("secret words");
  });
});

describe("enabling APIs", () => {
  const pending =
    (polls: number): Override =>
    (asked, earlier) => {
      if (asked.target.endsWith(":batchEnable")) return { body: { name: "operations/acf.p2-1" } };
      if (!asked.target.includes("/operations/")) return undefined;
      return {
        body: { name: "operations/acf.p2-1", ...(asks(earlier, "/operations/").length >= polls && { done: true }) },
      };
    };

  test("waits for the operation, with a fresh credential once the old one is due", async () => {
    const world = createSetupWorld(google(["one"], pending(20)), [runningSetup()]);
    world.levers.life = 60;
    await runSetup({ deps: world.deps, order: ORDER, runner: createFakeRunner() });
    const tokens = asks(world.asked, "/operations/").map(({ token }) => token);
    expect(tokens).toHaveLength(21);
    expect(new Set(tokens).size).toBeGreaterThan(1);
  });

  test.each([
    [{ code: 7 }, "PERMISSION_DENIED"],
    [{ code: 9 }, "FAILED_PRECONDITION"],
    [{ code: 14 }, "UNAVAILABLE"],
  ])("an operation that failed with %j is said with its project and step", async (error, code) => {
    const { setup } = await run(
      google(["one"], ({ target }) => (target.endsWith(":batchEnable") ? { body: { done: true, error } } : undefined)),
    );
    expect(resultOf(setup)).toMatchObject({
      status: "partial",
      problems: [{ project_id: "one", step: "enable_apis", message: expect.stringContaining(code) }],
    });
  });

  test("an operation whose name leads elsewhere is not followed", async () => {
    const { asked } = await run(
      google(["one"], ({ target }) => (target.endsWith(":batchEnable") ? { body: { name: "../../x" } } : undefined)),
    );
    expect(asks(asked, "/operations/")).toEqual([]);
  });
});

describe("creating a service account", () => {
  test("one that is there already is used", async () => {
    const { asked, end } = await run(
      google(["one"], ({ method, target }) => {
        if (method === "POST" && target.endsWith("/serviceAccounts")) return refusal(409, "ALREADY_EXISTS");
        return /\/serviceAccounts\/[^:]*$/.test(target) ? { body: { email: "there@one" } } : undefined;
      }),
    );
    expect(end).toBe("success");
    const [read] = asked.filter(({ method, target }) => method === "GET" && target.includes("/serviceAccounts/"));
    expect(read?.target).toMatch(/\/aurora-[0-9a-f]{20}-r@one\.iam\.gserviceaccount\.com$/);
  });

  test("one that was disabled is not used", async () => {
    const { setup } = await run(
      google(["one"], ({ method, target }) => {
        if (method === "POST" && target.endsWith("/serviceAccounts")) return refusal(409, "ALREADY_EXISTS");
        return /\/serviceAccounts\/[^:]*$/.test(target) ? { body: { email: "there@one", disabled: true } } : undefined;
      }),
    );
    expect(resultOf(setup)).toMatchObject({
      status: "failed",
      problems: [{ message: expect.stringContaining("disabled") }],
    });
  });

  test("an API that is not switched on yet is waited for", async () => {
    const { end, asked } = await run(
      google(["one"], ({ target }, earlier) => {
        if (!target.endsWith("/serviceAccounts") || asks(earlier, "/serviceAccounts").length > 1) return undefined;
        return refusal(403, "PERMISSION_DENIED", "SERVICE_DISABLED");
      }),
    );
    expect(end).toBe("success");
    expect(asked.filter(({ target }) => target.endsWith("/serviceAccounts"))).toHaveLength(3);
  });

  test("of a project that refuses, no later step is tried; the export and the other project go on", async () => {
    const { asked, setup } = await run(
      google(["one", "two"], ({ target }) =>
        target.includes("one/serviceAccounts") ? refusal(403, "PERMISSION_DENIED") : undefined,
      ),
    );
    expect(resultOf(setup)).toMatchObject({
      status: "partial",
      projects: [
        { project_id: "one", status: "incomplete", metadata: null },
        { project_id: "two", status: "ready" },
      ],
    });
    expect(asks(asked, "projects/one:getIamPolicy")).toEqual([]);
  });
});

describe("configuring IAM", () => {
  const policyWrites = (asked: readonly Asked[]) =>
    asked.filter(({ target }) => target.endsWith("projects/one:setIamPolicy")).map(({ body }) => body.policy);

  test("a policy changed in between is read again, and what others put there stays", async () => {
    const theirs = [
      { role: "roles/owner", members: ["user:boss@example.com"] },
      { role: "roles/browser", members: ["user:x@example.com"] },
      { role: "roles/run.viewer", members: ["user:x@example.com"], condition: { expression: "false" } },
    ];
    const { end, asked } = await run(
      google(["one"], ({ target }, earlier) => {
        const reads = asks(earlier, "projects/one:getIamPolicy").length;
        if (target.endsWith("projects/one:getIamPolicy"))
          return { body: { version: 3, etag: `e${reads}`, bindings: theirs } };
        return target.endsWith("projects/one:setIamPolicy") && reads < 3 ? refusal(409, "ABORTED") : undefined;
      }),
    );
    expect(end).toBe("success");
    const writes = policyWrites(asked);
    expect(writes.map(({ etag }) => etag)).toEqual(["e0", "e1", "e2"]);
    const [last] = writes.slice(-1);
    expect(last.version).toBe(3);
    expect(last.bindings.slice(0, 3)).toEqual([
      theirs[0],
      { role: "roles/browser", members: ["user:x@example.com", "serviceAccount:sa@one"] },
      theirs[2],
    ]);
    expect(last.bindings.filter(({ role }: { role: string }) => role === "roles/run.viewer")).toHaveLength(2);
  });

  test("nothing is written where nothing is missing", async () => {
    const bindings = VIEWER_ROLES.map((role) => ({ role, members: ["serviceAccount:sa@one"] }));
    const { asked, end } = await run(
      google(["one"], ({ target }) =>
        target.endsWith("projects/one:getIamPolicy") ? { body: { etag: "e", bindings } } : undefined,
      ),
    );
    expect(end).toBe("success");
    expect(policyWrites(asked)).toEqual([]);
  });

  test("a service account Google does not know everywhere yet is tried again", async () => {
    const { end, asked } = await run(
      google(["one"], ({ target }, earlier) =>
        target.endsWith("projects/one:setIamPolicy") && asks(earlier, "projects/one:setIamPolicy").length < 2
          ? refusal(400, "INVALID_ARGUMENT")
          : undefined,
      ),
    );
    expect(end).toBe("success");
    expect(policyWrites(asked)).toHaveLength(3);
  });

  test("only the connected person may act as the service account", async () => {
    const { asked } = await run(google(["one"]));
    const [own] = asked.filter(({ target }) => /serviceAccounts\/.*:setIamPolicy$/.test(target));
    expect(own?.body.policy.bindings).toEqual([
      { role: "roles/iam.serviceAccountTokenCreator", members: [`user:${EMAIL}`] },
    ]);
  });
});

describe("billing exports", () => {
  test("a dataset that is there is left alone, and its tables tell that the export is on", async () => {
    const { setup, asked } = await run(
      google(["one"], ({ target }) => {
        if (target.endsWith("/datasets/billing_export")) return { body: {} };
        const tableReference = { tableId: "gcp_billing_export_v1_A" };
        return target.endsWith("/tables") ? { body: { tables: [{ tableReference }] } } : undefined;
      }),
    );
    expect(resultOf(setup)).toMatchObject({ billing_exports: [{ status: "exporting" }], action_required: [] });
    expect(asked.some(({ method, target }) => method === "POST" && target.endsWith("/datasets"))).toBe(false);
  });
});

describe("reading metadata", () => {
  test("is done as the service account, and waits until its roles are known everywhere", async () => {
    const { end, asked } = await run(
      google(["one"], ({ target, token }, earlier) =>
        target === `${MANAGER}/one` &&
        token === "sa-token" &&
        earlier.filter((one) => one.token === "sa-token").length < 3
          ? refusal(403, "PERMISSION_DENIED")
          : undefined,
      ),
    );
    expect(end).toBe("success");
    expect(asked.filter(({ token }) => token === "sa-token")).toHaveLength(4);
  });

  test("a service account that never can is a failure of that project", async () => {
    const { setup } = await run(
      google(["one"], ({ target }) =>
        target.endsWith(":generateAccessToken") ? refusal(403, "PERMISSION_DENIED") : undefined,
      ),
    );
    expect(resultOf(setup)).toMatchObject({ status: "failed", problems: [{ step: "initialise_metadata" }] });
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
