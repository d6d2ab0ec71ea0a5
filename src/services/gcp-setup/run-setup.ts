import { bySystem } from "../../domain/call.ts";
import { isAppError } from "../../domain/errors.ts";
import {
  type KnownProject,
  MAX_SELECTED_PROJECTS,
  type SetupResult,
  type SetupStatus,
} from "../../domain/gcp-setup.ts";
import { type FoundProjects, fetchProjects } from "./fetch-projects.ts";
import { whatIsLeft } from "./prepare-billing-export.ts";
import { type SetUp, setUpProjects } from "./set-up-projects.ts";
import { findConnection, SetupHalt, type SetupRun } from "./setup-run.ts";

type End = Pick<SetupResult, "message" | "status"> & Partial<SetupResult>;

/**
 * Runs one attempt at a set-up to its end and writes that down.
 *
 * @returns the end; `superseded` when the connection is gone or another attempt took over: nothing is written then.
 * @throws what the runner throws: it is not this attempt's end.
 */
export async function runSetup(run: SetupRun): Promise<Exclude<SetupStatus, "running"> | "superseded"> {
  try {
    const { end, known } = await walk(run);
    return await finish(run, end, known);
  } catch (error) {
    if (!(error instanceof SetupHalt)) throw error;
    if (error.reason === "superseded") return "superseded";
    const message = "Google no longer accepts this connection; connect the account again, and the set-up begins anew.";
    return finish(run, { status: "failed", message }, null);
  }
}

async function walk(run: SetupRun): Promise<{ readonly end: End; readonly known: readonly KnownProject[] | null }> {
  const found = await fetchProjects(run);
  if (found.kind === "refused") {
    const problem = { project_id: null, step: "fetch_projects", message: found.message } as const;
    const message = "The projects of this account could not be read.";
    return { end: { status: "failed", message, problems: [problem] }, known: null };
  }
  const { billed } = found.value;
  const eligible = billed.map(({ projectId, name }) => ({ project_id: projectId, name }));
  const known = run.order.selection === null ? eligible : null;
  const context = contextOf(found.value);
  if (billed.length === 0) return { end: { ...context, status: "failed", message: whyNone(found.value) }, known };
  if (run.order.selection === null && billed.length > MAX_SELECTED_PROJECTS) {
    const message = `Select up to ${MAX_SELECTED_PROJECTS} of these projects.`;
    const selection = { eligible_projects: eligible, count: eligible.length };
    return { end: { ...context, status: "needs_selection", message, ...selection }, known };
  }
  return { end: conclude(await setUpProjects(run, billed), context), known };
}

function contextOf({ skipped, refused }: FoundProjects): Pick<SetupResult, "problems" | "skipped_projects"> {
  return {
    skipped_projects: skipped.map(({ projectId, reason }) => ({ project_id: projectId, reason })),
    problems: refused.map(({ projectId, message }) => ({ project_id: projectId, step: "fetch_projects", message })),
  };
}

function whyNone({ skipped, refused }: FoundProjects): string {
  if (refused.length > 0) return "None of the projects can be set up.";
  return skipped.length > 0 ? "None of the projects of this account is billed." : "This account has no active project.";
}

/** What is missing anywhere makes it less than a success; no usable project makes it a failure. */
function conclude(setUp: SetUp, context: ReturnType<typeof contextOf>): End {
  const problems = [...context.problems, ...setUp.problems];
  const usable = setUp.projects.filter(({ metadata }) => metadata !== null).length;
  const rest = {
    projects: [...setUp.projects],
    problems,
    skipped_projects: context.skipped_projects,
    billing_exports: [...setUp.billingExports],
    action_required: setUp.billingExports.flatMap((prepared) => whatIsLeft(prepared) ?? []),
  };
  if (usable === 0) return { ...rest, status: "failed", message: "No project could be set up." };
  const count = `${usable} of ${setUp.projects.length} projects can be used`;
  if (problems.length > 0) return { ...rest, status: "partial", message: `${count}; the problems are listed.` };
  return { ...rest, status: "success", message: `${count}.` };
}

/** Step 7. The end is written again and again until it is: nobody else knows it. */
async function finish(
  run: SetupRun,
  end: End,
  known: readonly KnownProject[] | null,
): Promise<SetupResult["status"] | "superseded"> {
  const result: SetupResult = {
    ...{ projects: [], problems: [], skipped_projects: [], billing_exports: [], action_required: [] },
    ...end,
  };
  return run.runner.run("complete", "long", async () => {
    try {
      return await writeEnd(run, result, known);
    } catch (error) {
      if (error instanceof SetupHalt || (isAppError(error) && error.code === "not_found")) return "superseded";
      throw error;
    }
  });
}

async function writeEnd(
  run: SetupRun,
  result: SetupResult,
  projects: readonly KnownProject[] | null,
): Promise<SetupResult["status"] | "superseded"> {
  const { deps, order } = run;
  const { connection, scope } = await findConnection(run);
  const { status } = result;
  const isOurs = await deps.gcpSetups.finish(scope, connection.id, order.attempt, { status, result, projects });
  if (!isOurs) return "superseded";
  await deps.audit.record(connection.workspaceId, {
    action: "connection.updated",
    outcome: status === "failed" ? "failure" : "success",
    ...bySystem("gcp_setup"),
    resource: { type: "connection", id: connection.id, provider: connection.provider },
    detail: { change: "setup", status, projects: result.projects.length, problems: result.problems.length },
  });
  return status;
}
