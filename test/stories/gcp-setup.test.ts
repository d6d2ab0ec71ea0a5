import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { neon, neonConfig } from "@neondatabase/serverless";
import { afterAll, beforeAll, expect, test } from "vitest";
import { approveConsent } from "../support/consent.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { type Person, register, send, steer } from "./person.ts";

/** Below the Worker's patience with one call. */
const HOLD_MS = 55_000;
const TEST_MS = 180_000;
const STEPS = [
  "fetch_projects",
  "enable_apis",
  "create_service_accounts",
  "configure_iam",
  "set_up_billing_exports",
  "initialise_metadata",
  "complete",
] as const;
type Step = (typeof STEPS)[number];

interface ProviderCall {
  readonly method: string;
  readonly host: string;
  readonly path: string;
}

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    env: { RATE_LIMITS: JSON.stringify({ register_address: 1000, login_address: 1000, connect: 1000 }) },
  });
});

afterAll(async () => {
  await stack?.stop();
});

/** A person whose set-up Google holds in one step: in the second of its two projects, of two billing accounts. */
interface Case {
  readonly step: Step;
  readonly person: Person;
  readonly email: string;
  readonly projects: readonly { readonly id: string }[];
  readonly one: string;
  readonly two: string;
  readonly connection: string;
}

async function startCase(step: Step): Promise<Case> {
  const [one, two] = [newProjectId(), newProjectId()];
  const email = `google-${randomBytes(6).toString("hex")}@example.com`;
  const projects = [
    { id: one, billing: "billingAccounts/A" },
    { id: two, billing: "billingAccounts/B" },
  ];
  const held = projects.map((project) =>
    project.id === two ? { ...project, hold: { step: heldIn(step), ms: HOLD_MS } } : project,
  );
  await steer(stack.endpoints().sandbox, "/_projects", { email, projects: held });
  const person = await register(stack);
  return { step, person, email, projects, one, two, connection: await consent(person, email) };
}

/** What is written down in the end is nothing Google could hold: it is held in the step before. */
function heldIn(step: Step): Step {
  return step === "complete" ? "initialise_metadata" : step;
}

function newProjectId(): string {
  return `p-${randomBytes(10).toString("hex")}`;
}

async function consent(person: Person, email: string): Promise<string> {
  const start = await person.call("POST", "/gcp/login", {});
  const cookies = new Map([["access_token", person.session]]);
  const { finalLocation } = await approveConsent(start.body.login_url, { cookies, email });
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const callback = await fetch(finalLocation, { headers: { cookie }, redirect: "manual" });
  const connection = new URL(callback.headers.get("location") ?? "/", stack.url).searchParams.get("connection");
  if (connection === null) throw new Error(`the callback answered ${callback.status}`);
  return connection;
}

/** Which step of the set-up a call belongs to; null for anything else. */
function stepOf({ host, path }: ProviderCall): Step | null {
  if (host === "serviceusage.googleapis.com") return "enable_apis";
  if (/:[gs]etIamPolicy$/.test(path)) return "configure_iam";
  if (host === "iam.googleapis.com") return "create_service_accounts";
  if (host === "bigquery.googleapis.com") return "set_up_billing_exports";
  if (host === "iamcredentials.googleapis.com" || /^\/v1\/projects\/[^/]+$/.test(path)) return "initialise_metadata";
  if (host === "cloudbilling.googleapis.com" || path === "/v1/projects") return "fetch_projects";
  return null;
}

async function readCalls(): Promise<readonly ProviderCall[]> {
  return (await send(`${stack.endpoints().sandbox}/_calls?provider=gcp`, "GET")).body.calls;
}

/** Whether the call that Google holds back has come. */
function isHeld(calls: readonly ProviderCall[], { step, two }: Case): boolean {
  return callsOf(calls, heldIn(step), two).length > 0;
}

function callsOf(calls: readonly ProviderCall[], step: Step, project: string): readonly ProviderCall[] {
  return calls.filter((call) => stepOf(call) === step && call.path.includes(project));
}

/** As if two minutes had passed since anybody heard of it; then the minute's cron. */
async function wake(): Promise<void> {
  const { owner_url, postgres } = stack.endpoints();
  neonConfig.fetchEndpoint = `${postgres}/sql`;
  await neon(owner_url).query("update gcp_setups set heard_at = now() - interval '3 minutes'");
  await send(`${stack.url}/cdn-cgi/local/scheduled?${new URLSearchParams({ cron: "* * * * *" })}`, "GET");
}

async function waitUntilHeld(cases: readonly Case[]): Promise<void> {
  const missing = async () => {
    const calls = await readCalls();
    return cases.filter((one) => !isHeld(calls, one)).map(({ step }) => step);
  };
  await expect.poll(missing, { timeout: HOLD_MS, interval: 200 }).toEqual([]);
}

async function expectRightEnd({ person, connection, email, one, two }: Case): Promise<void> {
  const status = () => person.call("GET", `/gcp/setup/status/${connection}`);
  await expect.poll(async () => (await status()).body.status, { timeout: 60_000, interval: 500 }).not.toBe("running");
  const { body } = await status();
  expect(body, JSON.stringify(body)).toMatchObject({ status: "success", complete: true, progress: 100 });
  expect(body.result.projects.map(({ project_id, status }: Record<string, string>) => [project_id, status])).toEqual(
    [one, two].map((id) => [id, "ready"]),
  );
  const { projects } = (await send(`${stack.endpoints().sandbox}/_projects?${new URLSearchParams({ email })}`, "GET"))
    .body;
  for (const project of projects) {
    expect(project.service_accounts).toHaveLength(1);
    expect(project.has_dataset).toBe(true);
    for (const { members } of project.policy.bindings) expect(new Set(members).size).toBe(members.length);
  }
}

test(
  "killed in each of the seven steps a set-up goes on by itself, and no finished step is run again",
  async () => {
    const cases = await Promise.all(STEPS.map(startCase));
    await waitUntilHeld(cases);
    const last = cases.find(({ step }) => step === "complete");
    // From here on no end can be written, until the restart.
    await steer(stack.endpoints().postgres, "/_faults", { kind: "status", status: 503, seconds: 120 });
    await steer(stack.endpoints().sandbox, "/_projects", { email: last?.email, projects: last?.projects });
    await expect.poll(async () => hasReadMetadata(await readCalls(), last?.two ?? ""), { timeout: 20_000 }).toBe(true);
    await sleep(1_000);
    const before = await readCalls();
    await stack.kill();
    await stack.restart();

    for (const { person, connection } of cases) {
      expect((await person.call("GET", `/gcp/setup/status/${connection}`)).body.status).toBe("running");
    }
    await wake();
    for (const one of cases) await expectRightEnd(one);
    const after = await readCalls();
    for (const one of cases) expectNothingTwice(one, before, after);
    expect(after.filter(({ path }) => path === "/v1/projects")).toEqual([]);
  },
  TEST_MS,
);

/** The last call of the last step that calls Google. */
function hasReadMetadata(calls: readonly ProviderCall[], project: string): boolean {
  return calls.some(({ path }) => path === `/v1/projects/${project}`);
}

function expectNothingTwice({ step, one, two }: Case, before: readonly ProviderCall[], after: readonly ProviderCall[]) {
  const position = STEPS.indexOf(step);
  for (const [index, name] of STEPS.slice(0, -1).entries()) {
    const [early, late] = [before, after].map((calls) => [one, two].map((id) => callsOf(calls, name, id).length));
    const what = `${name}, killed in ${step}`;
    if (index < position) expect(late, what).toEqual([0, 0]);
    if (index < position) expect(Math.min(...(early ?? [])), what).toBeGreaterThan(0);
    if (index > position) expect(early, what).toEqual([0, 0]);
    if (index > position) expect(Math.min(...(late ?? [])), what).toBeGreaterThan(0);
    // In the step itself the first project was done with; but asking who pays is one step for all of them.
    if (index === position && name !== "fetch_projects") expect(late?.[0], what).toBe(0);
  }
}

// Three minutes of waiting for the real cron: only where somebody asks for it (`SLOW=1 npm test`).
if (process.env["SLOW"]) {
  test("left to itself after a kill, it goes on within some three minutes", { timeout: 400_000 }, async () => {
    const one = await startCase("create_service_accounts");
    await waitUntilHeld([one]);
    await stack.kill();
    await stack.restart();
    const status = async () => (await one.person.call("GET", `/gcp/setup/status/${one.connection}`)).body.status;
    await expect.poll(status, { timeout: 240_000, interval: 2_000 }).not.toBe("running");
    await expectRightEnd(one);
  });
}
