import { z } from "zod";
import type { ConnectionId, OwnerId, WorkspaceId } from "./ids.ts";
import type { EpochSeconds } from "./time.ts";

/** The seed's seven steps after a consent, in order. The names are part of the answers. */
export const SETUP_STEPS = [
  "fetch_projects",
  "enable_apis",
  "create_service_accounts",
  "configure_iam",
  "set_up_billing_exports",
  "initialise_metadata",
  "complete",
] as const;
export type SetupStep = (typeof SETUP_STEPS)[number];
export const TOTAL_STEPS = SETUP_STEPS.length;

/** More billed projects than this are not touched unasked: somebody selects up to as many. */
export const MAX_SELECTED_PROJECTS = 5;

/**
 * `running → needs_selection` (waits for a person) or `success`, `partial` (something is missing somewhere), `failed`
 * (no project is usable). Only a new attempt leaves the last four.
 */
export const SETUP_STATUSES = ["running", "needs_selection", "success", "partial", "failed"] as const;
export type SetupStatus = (typeof SETUP_STATUSES)[number];
export type SetupEnd = Exclude<SetupStatus, "running">;

/** What an attempt may be begun from by a selection of projects: all that is not running and not done. */
export const RETRIABLE_STATUSES = ["needs_selection", "partial", "failed"] as const satisfies readonly SetupEnd[];

const problem = z.object({
  /** Null: it concerns no project in particular. */
  project_id: z.string().nullable(),
  step: z.enum(SETUP_STEPS),
  message: z.string(),
});

const knownProject = z.object({ project_id: z.string(), name: z.string() });

const billingExport = z.object({
  billing_account: z.string(),
  project_id: z.string(),
  dataset: z.string(),
  /** `needs_console`: the dataset is ready; Google has no API that switches the export on. */
  status: z.enum(["exporting", "needs_console"]),
});

const projectResult = z.object({
  project_id: z.string(),
  name: z.string(),
  project_number: z.string(),
  /** `ready`: every step succeeded. `incomplete`: its problems are listed. */
  status: z.enum(["ready", "incomplete"]),
  /** The email of Aurora's read-only service account there; null while there is none. */
  service_account: z.string().nullable(),
  /** What it was found to be, read with that service account; null while that does not work. */
  metadata: z.object({ parent: z.string().nullable(), created_at: z.string().nullable() }).nullable(),
});

/** What a set-up came to, as clients see it and as its row keeps it. References and sentences, never a secret. */
export const SetupResultSchema = z.object({
  status: z.enum(["needs_selection", "success", "partial", "failed"]),
  /** What it means, in a sentence. */
  message: z.string(),
  projects: z.array(projectResult),
  problems: z.array(problem),
  /** Projects left alone, and why. */
  skipped_projects: z.array(z.object({ project_id: z.string(), reason: z.string() })),
  billing_exports: z.array(billingExport),
  /** What only a person can do, in sentences. */
  action_required: z.array(z.string()),
  /** Those to select from, while a selection is needed. */
  eligible_projects: z.array(knownProject).optional(),
  count: z.int().optional(),
});
export type SetupResult = z.infer<typeof SetupResultSchema>;
export type SetupProblem = z.infer<typeof problem>;
export type BillingExport = z.infer<typeof billingExport>;
export type ProjectResult = z.infer<typeof projectResult>;
export type KnownProject = z.infer<typeof knownProject>;
export const KnownProjectsSchema = z.array(knownProject);

/** How far the set-up of a connection is. */
export interface Setup {
  readonly connectionId: ConnectionId;
  /** Counts from 1: a reconnect and a selection begin a new one. */
  readonly attempt: number;
  readonly status: SetupStatus;
  /** 1 to 7: the step under way, or the last one. */
  readonly step: number;
  /** 0 to 100. */
  readonly progress: number;
  /** Billed, active projects found in an attempt that looked at all of them: what may be selected. */
  readonly projects: readonly KnownProject[];
  /** Null while it runs. */
  readonly result: SetupResult | null;
  readonly startedAt: EpochSeconds;
}

/** One attempt at a set-up, as its Workflow is handed it. It is stored there: ids only. */
export interface SetupOrder {
  readonly connectionId: ConnectionId;
  readonly workspaceId: WorkspaceId;
  readonly ownerId: OwnerId;
  readonly attempt: number;
  /** The projects a person selected; null = all billed ones, when they are few. */
  readonly selection: readonly string[] | null;
}

/** A project the set-up works on. */
export interface SetupProject {
  readonly projectId: string;
  readonly projectNumber: string;
  readonly name: string;
  /** `billingAccounts/…`. */
  readonly billingAccount: string;
}

export function isComplete(status: SetupStatus): boolean {
  return status === "success" || status === "partial" || status === "failed";
}

/** 0 to 100: whole steps, and the share of the one under way. */
export function progressAt(step: SetupStep, done = 0, total = 1): number {
  const index = SETUP_STEPS.indexOf(step);
  return Math.floor(((index + done / Math.max(total, 1)) / TOTAL_STEPS) * 100);
}

/** 1 to 7. */
export function stepNumber(step: SetupStep): number {
  return SETUP_STEPS.indexOf(step) + 1;
}
