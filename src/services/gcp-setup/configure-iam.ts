import { AppError } from "../../domain/errors.ts";
import type { SetupProject } from "../../domain/gcp-setup.ts";
import { ensureMember } from "../../providers/google/iam-policy.ts";
import { policyOfProject } from "../../providers/google/projects.ts";
import { policyOfServiceAccount } from "../../providers/google/service-accounts.ts";
import type { AtWork } from "./setup-run.ts";

/**
 * What the service account may do in a project: see what there is. None of these reads the contents of a bucket, a
 * database, a topic or a dataset, none changes anything; `roles/viewer` and `roles/owner` would.
 *
 * @see https://cloud.google.com/iam/docs/understanding-roles
 */
export const VIEWER_ROLES: readonly string[] = [
  "roles/browser",
  "roles/bigquery.metadataViewer",
  "roles/cloudasset.viewer",
  "roles/cloudsql.viewer",
  "roles/compute.viewer",
  "roles/container.clusterViewer",
  "roles/logging.viewer",
  "roles/monitoring.viewer",
  "roles/pubsub.viewer",
  "roles/run.viewer",
  "roles/serviceusage.serviceUsageViewer",
];

/** Lets the connected person, and nobody else, act as the service account: granted on it alone, not on the project. */
export const IMPERSONATION_ROLE = "roles/iam.serviceAccountTokenCreator";

/** Step 4: the roles of the service account in its project, and who may use it. Organisation policies are left alone. */
export async function configureIam(
  { call, connection }: AtWork,
  { projectId }: SetupProject,
  email: string,
): Promise<{ readonly changed: boolean }> {
  if (!connection.account.includes("@")) {
    throw new AppError("provider_rejected", "It is not known whose account this is; connect it again.");
  }
  const asProject = await ensureMember(call, policyOfProject(projectId), `serviceAccount:${email}`, VIEWER_ROLES);
  const user = `user:${connection.account}`;
  const asAccount = await ensureMember(call, policyOfServiceAccount(projectId, email), user, [IMPERSONATION_ROLE]);
  return { changed: asProject || asAccount };
}
