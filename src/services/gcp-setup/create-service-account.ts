import type { SetupOrder, SetupProject } from "../../domain/gcp-setup.ts";
import { ensureServiceAccount } from "../../providers/google/service-accounts.ts";
import type { AtWork, SetupDeps } from "./setup-run.ts";

/** `aurora-` + 20 + `-r` is 29 of Google's 30 characters. */
const OWNER_DIGITS = 20;

/** Step 3: Aurora's read-only service account of this owner in one project, made once. */
export async function createServiceAccount(
  deps: Pick<SetupDeps, "sha256">,
  { call }: AtWork,
  order: SetupOrder,
  { projectId }: SetupProject,
): Promise<{ readonly email: string }> {
  const accountId = `aurora-${(await deps.sha256(order.ownerId)).slice(0, OWNER_DIGITS)}-r`;
  return { email: await ensureServiceAccount(call, projectId, accountId) };
}
