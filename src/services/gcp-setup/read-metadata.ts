import { AppError, isAppError } from "../../domain/errors.ts";
import type { ProjectResult, SetupProject } from "../../domain/gcp-setup.ts";
import { readProject } from "../../providers/google/projects.ts";
import { mintServiceAccountToken } from "../../providers/google/service-accounts.ts";
import { withToken } from "./google-session.ts";
import type { AtWork, SetupDeps } from "./setup-run.ts";

/**
 * Step 6: what a project is, read as its service account. So it is also the proof that the account can be used, and
 * that its roles hold in this very project.
 */
export async function readMetadata(
  deps: Pick<SetupDeps, "now" | "send">,
  { call }: AtWork,
  { projectId }: SetupProject,
  email: string,
): Promise<NonNullable<ProjectResult["metadata"]>> {
  const token = await mintServiceAccountToken(call, email);
  try {
    const { parent, createdAt } = await readProject(withToken(deps, token), projectId);
    return { parent, created_at: createdAt };
  } catch (error) {
    if (!isAppError(error) || error.code !== "provider_rejected") throw error;
    // Roles granted in the step before take some minutes to be known everywhere.
    throw new AppError("provider_unavailable", "The service account cannot read this project yet.");
  }
}
