import {
  type BillingExport,
  type ProjectResult,
  progressAt,
  type SetupProblem,
  type SetupProject,
  type SetupStep,
} from "../../domain/gcp-setup.ts";
import { configureIam } from "./configure-iam.ts";
import { createServiceAccount } from "./create-service-account.ts";
import { enableApis } from "./enable-apis.ts";
import { prepareBillingExport } from "./prepare-billing-export.ts";
import { readMetadata } from "./read-metadata.ts";
import { runPiece } from "./run-piece.ts";
import type { AtWork, SetupRun } from "./setup-run.ts";

/** What steps 2 to 6 came to. */
export interface SetUp {
  readonly projects: readonly ProjectResult[];
  readonly problems: readonly SetupProblem[];
  readonly billingExports: readonly BillingExport[];
}

type Problems = SetupProblem[];
type ByProject<Value> = ReadonlyMap<string, Value>;

/**
 * Steps 2 to 6, each for every project before the next begins. A project that fails a step is left out of those that
 * build on it: its policy needs its service account, its metadata needs the policy. The others go on.
 */
export async function setUpProjects(run: SetupRun, projects: readonly SetupProject[]): Promise<SetUp> {
  const { deps, order } = run;
  const problems: Problems = [];
  const each = <Value>(step: SetupStep, of: readonly SetupProject[], work: Work<Value>) =>
    forEach(run, step, of, problems, work);

  await each("enable_apis", projects, (at, project) => enableApis(deps, at, project));
  const accounts = await each("create_service_accounts", projects, (at, project) =>
    createServiceAccount(deps, at, order, project),
  );
  const emailOf = ({ projectId }: SetupProject) => accounts.get(projectId)?.email ?? "";
  const withAccount = projects.filter(({ projectId }) => accounts.has(projectId));
  const granted = await each("configure_iam", withAccount, (at, project) =>
    configureIam(at, project, emailOf(project)),
  );
  const exports = await each("set_up_billing_exports", homesOf(projects), prepareBillingExport);
  const withRoles = withAccount.filter(({ projectId }) => granted.has(projectId));
  const metadata = await each("initialise_metadata", withRoles, (at, project) =>
    readMetadata(deps, at, project, emailOf(project)),
  );
  return {
    projects: projects.map(({ projectId, name, projectNumber }) => ({
      project_id: projectId,
      name,
      project_number: projectNumber,
      status: problems.some(({ project_id }) => project_id === projectId) ? "incomplete" : "ready",
      service_account: accounts.get(projectId)?.email ?? null,
      metadata: metadata.get(projectId) ?? null,
    })),
    problems,
    billingExports: [...exports.values()],
  };
}

type Work<Value> = (at: AtWork, project: SetupProject) => Promise<Value>;

async function forEach<Value>(
  run: SetupRun,
  step: SetupStep,
  projects: readonly SetupProject[],
  problems: Problems,
  work: Work<Value>,
): Promise<ByProject<Value>> {
  const values = new Map<string, Value>();
  for (const [index, project] of projects.entries()) {
    const piece = { step, part: project.projectId, progress: progressAt(step, index, projects.length) };
    const outcome = await runPiece(run, piece, (at) => work(at, project));
    if (outcome.kind === "done") values.set(project.projectId, outcome.value);
    if (outcome.kind === "refused") problems.push({ project_id: project.projectId, step, message: outcome.message });
  }
  return values;
}

/** The first project of each billing account: an export goes to one dataset. */
function homesOf(projects: readonly SetupProject[]): readonly SetupProject[] {
  return projects.filter(
    ({ billingAccount }, index) => projects.findIndex((other) => other.billingAccount === billingAccount) === index,
  );
}
