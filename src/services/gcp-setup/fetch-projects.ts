import { AppError, isAppError } from "../../domain/errors.ts";
import { progressAt, type SetupProject } from "../../domain/gcp-setup.ts";
import type { CallGoogle } from "../../providers/google/call.ts";
import {
  type GoogleProject,
  listActiveProjects,
  readBillingAccount,
  readProject,
} from "../../providers/google/projects.ts";
import { runPiece } from "./run-piece.ts";
import type { SetupRun, StepOutcome } from "./setup-run.ts";

/** What step 1 found. */
export interface FoundProjects {
  /** Active and billed. */
  readonly billed: readonly SetupProject[];
  readonly skipped: readonly { readonly projectId: string; readonly reason: string }[];
  /** Projects Google would not tell about. */
  readonly refused: readonly { readonly projectId: string; readonly message: string }[];
}

/** So many projects are asked about in one durable step: a crash repeats no more than these. */
const CHUNK = 25;
const STEP = "fetch_projects";
const UNBILLED = "Billing is not enabled for it.";

/**
 * Step 1: every active project of the account and who pays for it; of a selection, only the selected ones.
 */
export async function fetchProjects(run: SetupRun): Promise<StepOutcome<FoundProjects>> {
  const { selection } = run.order;
  if (selection !== null) {
    return runPiece(run, { step: STEP, part: null, progress: progressAt(STEP) }, ({ call }) =>
      judgeAll(selection, (id) => judgeSelected(call, id)),
    );
  }
  const listed = await runPiece(run, { step: STEP, part: null, progress: progressAt(STEP) }, async ({ call }) =>
    (await listActiveProjects(call)).map(({ projectId, projectNumber, name }) => ({ projectId, projectNumber, name })),
  );
  return listed.kind === "done" ? findBilled(run, listed.value) : listed;
}

type Listed = Pick<GoogleProject, "projectId" | "projectNumber" | "name">;

async function findBilled(run: SetupRun, projects: readonly Listed[]): Promise<StepOutcome<FoundProjects>> {
  let found: FoundProjects = { billed: [], skipped: [], refused: [] };
  for (let start = 0; start < projects.length; start += CHUNK) {
    const chunk = projects.slice(start, start + CHUNK);
    const piece = {
      step: STEP,
      part: `billing from ${start}`,
      progress: progressAt(STEP, start, projects.length),
    } as const;
    const judged = await runPiece(run, piece, ({ call }) => judgeAll(chunk, (project) => judgeBilling(call, project)));
    if (judged.kind === "refused") return judged;
    found = merge(found, judged.value);
  }
  return { kind: "done", value: found };
}

async function judgeAll<Item extends string | Listed>(
  items: readonly Item[],
  judge: (item: Item) => Promise<FoundProjects>,
): Promise<FoundProjects> {
  let found: FoundProjects = { billed: [], skipped: [], refused: [] };
  for (const item of items) {
    found = merge(found, await judgeOne(typeof item === "string" ? item : item.projectId, () => judge(item)));
  }
  return found;
}

/** A project Google refuses to tell about is noted, and the others are asked about all the same. */
async function judgeOne(projectId: string, judge: () => Promise<FoundProjects>): Promise<FoundProjects> {
  try {
    return await judge();
  } catch (error) {
    if (!isAppError(error) || error.code !== "provider_rejected") throw error;
    return { billed: [], skipped: [], refused: [{ projectId, message: error.message }] };
  }
}

async function judgeSelected(call: CallGoogle, projectId: string): Promise<FoundProjects> {
  const project = await readProject(call, projectId);
  if (!project.isActive) throw new AppError("provider_rejected", "This project is about to be deleted.");
  const judged = await judgeBilling(call, project);
  // It was asked for by name: leaving it out is a failure, not a choice.
  const refused = judged.skipped.map(({ reason }) => ({ projectId, message: reason }));
  return { billed: judged.billed, skipped: [], refused };
}

async function judgeBilling(call: CallGoogle, { projectId, projectNumber, name }: Listed): Promise<FoundProjects> {
  const billingAccount = await readBillingAccount(call, projectId);
  if (billingAccount === null) return { billed: [], skipped: [{ projectId, reason: UNBILLED }], refused: [] };
  return { billed: [{ projectId, projectNumber, name, billingAccount }], skipped: [], refused: [] };
}

function merge(one: FoundProjects, other: FoundProjects): FoundProjects {
  return {
    billed: [...one.billed, ...other.billed],
    skipped: [...one.skipped, ...other.skipped],
    refused: [...one.refused, ...other.refused],
  };
}
