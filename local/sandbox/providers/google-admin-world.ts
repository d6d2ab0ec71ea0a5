import { createHash, randomBytes } from "node:crypto";
import type { SandboxContext } from "../provider.ts";
import { POWERLESS_EMAIL } from "./gcp-service-account.ts";

/** The steps of Aurora's set-up whose calls can be refused or held, by project. */
export const STEPS = [
  "fetch_projects",
  "enable_apis",
  "create_service_accounts",
  "configure_iam",
  "set_up_billing_exports",
  "initialise_metadata",
] as const;
export type Step = (typeof STEPS)[number];

/** A project as `POST /_projects` describes it, with what it leaves out filled in. */
export interface Project {
  readonly id: string;
  readonly number: string;
  readonly name: string;
  readonly state: "ACTIVE" | "DELETE_REQUESTED";
  /** `billingAccounts/…`; null = nobody pays. */
  readonly billing: string | null;
  /** Steps whose calls are answered 403. */
  readonly deny: readonly Step[];
  /**
   * The first call of that step is done at once and answered late, or when the hold is taken away: the moment to kill
   * a caller. Once, over restarts too.
   */
  readonly hold: { readonly step: Step; readonly ms: number } | null;
  /** A billing export was switched on in the console. */
  readonly exporting: boolean;
}

export interface Policy {
  readonly version?: number;
  readonly etag: string;
  readonly bindings: readonly { readonly role: string; readonly members: readonly string[] }[];
}

/** Everything the admin APIs remember. It survives a restart, as Google would. */
export interface World {
  projectsOf(email: string): readonly Project[];
  findProject(id: string): Project | null;
  setProjects(email: string, projects: readonly Project[]): void;
  /** True for the first who asks. */
  takeHold(project: string): boolean;
  enabled(project: string): readonly string[];
  enable(project: string, services: readonly string[]): void;
  /** Begins an operation that is done when it is asked about a second time. */
  beginOperation(project: string, services: readonly string[]): string;
  /** Null: there is none. */
  pollOperation(name: string): { readonly done: boolean; readonly services: readonly string[] } | null;
  accountsOf(project: string): readonly string[];
  hasAccount(email: string): boolean;
  addAccount(project: string, email: string): void;
  policy(resource: string): Policy;
  setPolicy(resource: string, policy: Omit<Policy, "etag">): Policy;
  hasDataset(project: string): boolean;
  addDataset(project: string): void;
  mintToken(email: string, seconds: number, scopes: readonly string[]): string;
  findToken(token: string): { readonly email: string; readonly scopes: readonly string[] } | null;
}

const DEFAULT_BILLING = "billingAccounts/0A1B2C-3D4E5F-678901";
/** What everybody has who was given nothing else. */
const DEFAULT_PROJECTS: readonly Project[] = ["Sandbox Web", "Sandbox Data"].map((name, index) => ({
  id: name.toLowerCase().replace(" ", "-"),
  number: `10000000000${index + 1}`,
  name,
  state: "ACTIVE",
  billing: DEFAULT_BILLING,
  deny: [],
  hold: null,
  exporting: false,
}));
/** Enabled in every new project. */
const ENABLED_AT_FIRST = ["bigquery.googleapis.com", "logging.googleapis.com", "monitoring.googleapis.com"];
const TOKEN_BYTES = 120;

export function createWorld({ state, now }: Pick<SandboxContext, "now" | "state">): World {
  const read = <Value>(key: string, otherwise: Value): Value => (state.get(`gcp/admin/${key}`) ?? otherwise) as Value;
  const write = (key: string, value: unknown, expiresAtMs: number | null = null) =>
    state.set(`gcp/admin/${key}`, value, expiresAtMs);
  const projectsOf = (email: string) =>
    read<readonly string[] | null>(`of/${email}`, null)?.flatMap((id) => findProject(id) ?? []) ??
    (email === POWERLESS_EMAIL ? [] : DEFAULT_PROJECTS);
  const findProject = (id: string) =>
    read<Project | null>(`project/${id}`, null) ?? DEFAULT_PROJECTS.find((project) => project.id === id) ?? null;
  const enabled = (project: string) => read<readonly string[]>(`enabled/${project}`, ENABLED_AT_FIRST);
  const accountsOf = (project: string) => read<readonly string[]>(`accounts/${project}`, []);
  const enable = (project: string, services: readonly string[]) =>
    write(`enabled/${project}`, [...new Set([...enabled(project), ...services])]);
  const policy = (resource: string) =>
    read<Policy>(`policy/${resource}`, { version: 1, etag: etagOf(resource, 0), bindings: [] });
  return {
    ...{ projectsOf, findProject, enabled, enable, accountsOf, policy },
    setProjects(email, projects) {
      for (const project of projects) write(`project/${project.id}`, project);
      write(
        `of/${email}`,
        projects.map(({ id }) => id),
      );
    },
    takeHold(project) {
      const isFirst = !read(`held/${project}`, false);
      write(`held/${project}`, true);
      return isFirst;
    },
    beginOperation(project, services) {
      const name = `operations/acf.p2-${randomBytes(12).toString("hex")}`;
      write(name, { project, services, polls: 0 });
      return name;
    },
    pollOperation(name) {
      const operation = read<{ project: string; services: string[]; polls: number } | null>(name, null);
      if (operation === null) return null;
      write(name, { ...operation, polls: operation.polls + 1 });
      const done = operation.polls >= 1;
      if (done) enable(operation.project, operation.services);
      return { done, services: operation.services };
    },
    hasAccount: (email) => read(`account/${email}`, false),
    addAccount(project, email) {
      write(`account/${email}`, true);
      write(`accounts/${project}`, [...accountsOf(project), email]);
    },
    setPolicy(resource, { version = 1, bindings }) {
      const changes = read(`changes/${resource}`, 0) + 1;
      const next = { version, etag: etagOf(resource, changes), bindings };
      write(`changes/${resource}`, changes);
      write(`policy/${resource}`, next);
      return next;
    },
    hasDataset: (project) => read(`dataset/${project}`, false),
    addDataset: (project) => write(`dataset/${project}`, true),
    mintToken(email, seconds, scopes) {
      const token = `ya29.c.${randomBytes(TOKEN_BYTES).toString("base64url")}`;
      write(`token/${hash(token)}`, { email, scopes }, now() + seconds * 1000);
      return token;
    },
    findToken: (token) => read(`token/${hash(token)}`, null),
  };
}

/** The projects in the body of `POST /_projects`; a sentence when one is not described rightly. */
export function readProjects(raw: unknown): readonly Project[] | string {
  if (!Array.isArray(raw)) return "projects must be a list";
  const projects = raw.map((entry) => readProject(entry as Record<string, unknown>));
  return projects.find((project) => typeof project === "string") ?? (projects as Project[]);
}

function readProject(raw: Record<string, unknown>): Project | string {
  const { id, number, name, state, billing, deny, hold, exporting, ...unknown } = raw;
  if (Object.keys(unknown).length > 0) return `unknown field ${Object.keys(unknown)[0]}`;
  if (typeof id !== "string" || !/^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(id))
    return "id is not a project's";
  const steps = [deny ?? [], hold === undefined ? [] : (hold as Project["hold"])?.step].flat();
  if (steps.some((step) => !STEPS.includes(step as Step))) return `a step is one of ${STEPS.join(", ")}`;
  return {
    id,
    number: String(number ?? parseInt(hash(id).slice(0, 10), 16)),
    name: String(name ?? id),
    state: state === "DELETE_REQUESTED" ? state : "ACTIVE",
    billing: typeof billing === "string" ? billing : billing === false ? null : DEFAULT_BILLING,
    deny: (deny ?? []) as Step[],
    hold: (hold ?? null) as Project["hold"],
    exporting: exporting === true,
  };
}

function etagOf(resource: string, changes: number): string {
  return Buffer.from(`${hash(resource).slice(0, 6)}${changes}`).toString("base64");
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
