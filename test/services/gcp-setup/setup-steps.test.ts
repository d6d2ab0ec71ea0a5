import { describe, expect, test } from "vitest";
import { VIEWER_ROLES } from "../../../src/services/gcp-setup/configure-iam.ts";
import { runSetup } from "../../../src/services/gcp-setup/run-setup.ts";
import { asks, google, MANAGER, type Override, refusal, run } from "./setup-google.ts";
import { type Asked, createFakeRunner, createSetupWorld, EMAIL, ORDER, resultOf, runningSetup } from "./setup-world.ts";

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
