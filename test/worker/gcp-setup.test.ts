import { introspectWorkflow, introspectWorkflowInstance } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import { createDeps } from "../../src/deps.ts";
import { resumeSetups } from "../../src/jobs/resume-setups.ts";
import { REQUIRED_APIS } from "../../src/providers/google/apis.ts";
import { createBrowser } from "../support/worker-browser.ts";
import { newColleague, newPerson, type Person, steer } from "../support/worker-client.ts";
import { endpoints, queryAsOwner } from "../support/worker-endpoints.ts";

const bindings = env as unknown as Bindings;
const TOTAL = { total_steps: 7 };
const SLOW = 30_000;

/** A Google account with projects of its own. */
async function newAccount(projects: readonly object[]): Promise<string> {
  const email = `google-${crypto.randomUUID()}@example.com`;
  await steer("sandbox", "/_projects", { email, projects });
  return email;
}

function newProjectId(): string {
  return `p-${crypto.randomUUID().replaceAll("-", "").slice(0, 20)}`;
}

async function consent(person: Person, email: string): Promise<string> {
  const { body } = await person.call("POST", "/gcp/login", {});
  const browser = createBrowser(person.token);
  const callback = await browser.decide(body.login_url, "approve", email);
  const { url } = await browser.open(callback, (to) => to.searchParams.has("login"));
  expect(url.searchParams.get("login")).toBe("gcp_success");
  return url.searchParams.get("connection") ?? "";
}

async function statusOf(person: Person, id: string) {
  const { status, body } = await person.call("GET", `/gcp/setup/status/${id}`);
  expect(status).toBe(200);
  return body;
}

async function ended(person: Person, id: string) {
  await vi.waitFor(async () => expect((await statusOf(person, id)).status).not.toBe("running"), {
    timeout: SLOW - 2_000,
    interval: 300,
  });
  return statusOf(person, id);
}

// biome-ignore lint/suspicious/noExplicitAny: what the sandbox tells of an account's projects.
async function worldOf(email: string): Promise<any[]> {
  const response = await fetch(`${endpoints.sandbox}/_projects?${new URLSearchParams({ email })}`);
  return (await response.json<{ projects: unknown[] }>()).projects;
}

describe("after a consent", () => {
  test(
    "the set-up begins by itself, makes every project readable and says what only a person can do",
    async () => {
      const [one, two] = [newProjectId(), newProjectId()];
      const email = await newAccount([{ id: one }, { id: two, exporting: true, billing: "billingAccounts/B" }]);
      const person = await newPerson();
      const id = await consent(person, email);
      const { result, ...status } = await ended(person, id);
      expect(status).toEqual({ state: "SUCCESS", status: "success", step: 7, ...TOTAL, progress: 100, complete: true });
      expect(result).toMatchObject({
        status: "success",
        problems: [],
        projects: [
          { project_id: one, status: "ready", service_account: expect.stringMatching(/^aurora-[0-9a-f]{20}-r@/) },
          { project_id: two, status: "ready" },
        ],
        billing_exports: [
          { project_id: one, status: "needs_console" },
          { project_id: two, status: "exporting" },
        ],
        action_required: [expect.stringContaining(`${one}.billing_export`)],
      });
      const { body } = await person.call("GET", `/api/v1/connections/${id}`);
      expect(body.setup).toEqual({ status: "success", step: 7, ...TOTAL, progress: 100, complete: true });
      const listed = await person.call("GET", "/api/v1/connections?provider=gcp");
      expect(listed.body.connections[0].setup).toEqual(body.setup);

      const [world] = await worldOf(email);
      const roles = world.policy.bindings.map(({ role }: { role: string }) => role);
      expect(roles.filter((role: string) => !/([vV]iewer|browser)$/.test(role))).toEqual([]);
      expect(world.service_accounts).toEqual([result.projects[0].service_account]);
      expect(world.service_account_policies[world.service_accounts[0]].bindings).toEqual([
        { role: "roles/iam.serviceAccountTokenCreator", members: [`user:${email}`] },
      ]);
      expect(REQUIRED_APIS.every((api) => world.enabled.includes(api))).toBe(true);
      const stored = JSON.stringify(await (await bindings.GCP_SETUP.get(id)).status());
      expect(stored).toContain(one);
      expect(stored).not.toMatch(/ya29|1\/\/0/);
    },
    SLOW,
  );

  test(
    "a project that refuses makes it partial, is named with its step, and the others are set up",
    async () => {
      const [good, bad] = [newProjectId(), newProjectId()];
      const email = await newAccount([{ id: bad, deny: ["create_service_accounts"] }, { id: good }]);
      const person = await newPerson();
      const { status, complete, result } = await ended(person, await consent(person, email));
      expect([status, complete]).toEqual(["partial", true]);
      expect(result.problems).toEqual([
        { project_id: bad, step: "create_service_accounts", message: expect.stringContaining("PERMISSION_DENIED") },
      ]);
      expect(result.projects).toMatchObject([
        { project_id: bad, status: "incomplete", service_account: null },
        { project_id: good, status: "ready" },
      ]);
    },
    SLOW,
  );

  test.each([
    ["no project", [], "This account has no active project."],
    ["no billed project", [{ id: newProjectId(), billing: false }], "None of the projects of this account is billed."],
    [
      "projects about to be deleted",
      [{ id: newProjectId(), state: "DELETE_REQUESTED" }],
      "This account has no active project.",
    ],
  ])(
    "%s is a failure in words",
    async (_name, projects, message) => {
      const person = await newPerson();
      const { status, result } = await ended(person, await consent(person, await newAccount(projects)));
      expect([status, result.message]).toEqual(["failed", message]);
    },
    SLOW,
  );

  test(
    "another person's status is not found, also when the connection is shared",
    async () => {
      const person = await newPerson();
      const id = await consent(person, await newAccount([]));
      await person.call("PATCH", `/api/v1/connections/${id}`, { shared: true });
      const colleague = await newColleague(person, "operator");
      expect((await colleague.call("GET", `/gcp/setup/status/${id}`)).status).toBe(404);
      expect((await (await newPerson()).call("GET", `/gcp/setup/status/${id}`)).status).toBe(404);
    },
    SLOW,
  );
});

describe("more than five billed projects", () => {
  test(
    "wait for a selection, which must be of them, and only the selected ones are touched",
    async () => {
      const ids = Array.from({ length: 7 }, newProjectId);
      const email = await newAccount([...ids.map((id) => ({ id })), { id: newProjectId(), billing: false }]);
      const person = await newPerson();
      const id = await consent(person, email);
      const waiting = await ended(person, id);
      expect(waiting).toMatchObject({ state: "NEEDS_SELECTION", status: "needs_selection", complete: false });
      expect(waiting.result.eligible_projects.map(({ project_id }: { project_id: string }) => project_id)).toEqual(ids);
      expect(waiting.result.count).toBe(7);

      const select = (selected: unknown) =>
        person.call("POST", "/gcp/post-auth-retry", { selected_project_ids: selected });
      expect((await select(["unknown-project"])).status).toBe(400);
      expect((await select([])).status).toBe(400);
      expect((await select(ids)).status).toBe(400);
      expect((await select("x")).status).toBe(400);

      const chosen = ids.slice(2, 4);
      expect(await select(chosen)).toMatchObject({ status: 202, body: { status: "started", task_id: id } });
      expect((await select(chosen)).status).toBe(409);
      const { status, result } = await ended(person, id);
      expect(status).toBe("success");
      expect(result.projects.map(({ project_id }: { project_id: string }) => project_id)).toEqual(chosen);
      const touched = (await worldOf(email)).filter(({ service_accounts }) => service_accounts.length > 0);
      expect(touched.map((project) => project.id)).toEqual(chosen);
      expect((await select(chosen)).status).toBe(409);
    },
    SLOW,
  );

  test(
    "nobody else can select for them",
    async () => {
      const ids = Array.from({ length: 6 }, newProjectId);
      const person = await newPerson();
      const id = await consent(person, await newAccount(ids.map((project) => ({ id: project }))));
      await ended(person, id);
      const colleague = await newColleague(person, "admin");
      const body = { selected_project_ids: [ids[0]], connection_id: id };
      expect((await colleague.call("POST", "/gcp/post-auth-retry", body)).status).toBe(409);
    },
    SLOW,
  );
});

describe("trying again", () => {
  test(
    "a step that fails for a while is tried again, and nothing is made twice",
    async () => {
      const project = newProjectId();
      await using introspector = await introspectWorkflow(bindings.GCP_SETUP);
      await introspector.modifyAll(async (modifier) => {
        await modifier.disableRetryDelays();
        await modifier.mockStepError({ name: `configure_iam: ${project}` }, new Error("away"), 2);
      });
      const email = await newAccount([{ id: project }]);
      const person = await newPerson();
      const id = await consent(person, email);
      expect((await ended(person, id)).status).toBe("success");
      expect((await worldOf(email))[0].service_accounts).toHaveLength(1);
    },
    SLOW,
  );

  test(
    "one that failed can be run again once its cause is mended",
    async () => {
      const project = newProjectId();
      const email = await newAccount([{ id: project, deny: ["configure_iam"] }]);
      const person = await newPerson();
      const id = await consent(person, email);
      expect((await ended(person, id)).status).toBe("failed");
      await steer("sandbox", "/_projects", { email, projects: [{ id: project }] });
      const again = await person.call("POST", "/gcp/post-auth-retry", { selected_project_ids: [project] });
      expect(again.status).toBe(202);
      expect((await ended(person, id)).status).toBe("success");
      expect((await worldOf(email))[0].service_accounts).toHaveLength(1);
    },
    SLOW,
  );

  test(
    "a reconnect begins it anew under the same connection",
    async () => {
      const email = await newAccount([{ id: newProjectId() }]);
      const person = await newPerson();
      const id = await consent(person, email);
      await ended(person, id);
      expect(await consent(person, email)).toBe(id);
      expect((await ended(person, id)).status).toBe("success");
      const [row] = await queryAsOwner("select attempt from gcp_setups where connection_id = $1", [id]);
      expect(row?.["attempt"]).toBe(2);
    },
    SLOW,
  );

  test(
    "a disconnect in the middle ends it quietly",
    async () => {
      const email = await newAccount([{ id: newProjectId(), hold: { step: "enable_apis", ms: 1_500 } }]);
      const person = await newPerson();
      const id = await consent(person, email);
      await using instance = await introspectWorkflowInstance(bindings.GCP_SETUP, id);
      await person.call("DELETE", `/api/v1/connections/${id}`);
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual({ end: "superseded" });
      expect((await worldOf(email))[0].service_accounts).toEqual([]);
    },
    SLOW,
  );
});

describe("the cron", () => {
  test(
    "starts an attempt whose Workflow was never started",
    async () => {
      const email = await newAccount([{ id: newProjectId() }]);
      const person = await newPerson();
      const id = await consent(person, email);
      await ended(person, id);
      await queryAsOwner(
        "update gcp_setups set status = 'running', attempt = 9, heard_at = now() - interval '3 minutes' where connection_id = $1",
        [id],
      );
      await resumeSetups(createDeps(bindings, { waitUntil: () => {} }));
      expect((await ended(person, id)).status).toBe("success");
    },
    SLOW,
  );

  test(
    "says that an attempt failed whose Workflow ended without a word",
    async () => {
      const person = await newPerson();
      const id = await consent(person, await newAccount([]));
      await ended(person, id);
      await queryAsOwner(
        "update gcp_setups set status = 'running', heard_at = now() - interval '3 minutes' where connection_id = $1",
        [id],
      );
      await resumeSetups(createDeps(bindings, { waitUntil: () => {} }));
      expect(await statusOf(person, id)).toMatchObject({ status: "failed", complete: true });
    },
    SLOW,
  );
});
