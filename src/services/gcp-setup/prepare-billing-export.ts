import type { BillingExport, SetupProject } from "../../domain/gcp-setup.ts";
import { BILLING_DATASET, ensureBillingDataset, isExporting } from "../../providers/google/billing-exports.ts";
import type { AtWork } from "./setup-run.ts";

/**
 * Step 5, once per billing account: the dataset its export goes to, in the first project it pays for.
 *
 * Google has no API that switches an export on (its own Terraform provider waits for one:
 * https://github.com/hashicorp/terraform-provider-google/issues/4848), so the rest is said, not done.
 */
export async function prepareBillingExport({ call }: AtWork, home: SetupProject): Promise<BillingExport> {
  await ensureBillingDataset(call, home.projectId);
  return {
    billing_account: home.billingAccount,
    project_id: home.projectId,
    dataset: BILLING_DATASET,
    status: (await isExporting(call, home.projectId)) ? "exporting" : "needs_console",
  };
}

/** What a person has to do for it, in a sentence; null when nothing is left to do. */
export function whatIsLeft({ status, billing_account, project_id, dataset }: BillingExport): string | null {
  if (status === "exporting") return null;
  const account = billing_account.replace(/^billingAccounts\//, "");
  return `Switch on the billing export of ${account} to ${project_id}.${dataset} in the Cloud console (Billing, Billing export): Google has no API for it.`;
}
