import { isJsonObject, readText } from "../../domain/json.ts";
import { type CallGoogle, requireSuccess, segment } from "./call.ts";

const ORIGIN = "https://bigquery.googleapis.com";
export const BILLING_DATASET = "billing_export";
/** Of the two multi-regions Google exports past months to as well; it cannot be changed later. */
const LOCATION = "US";
/** `gcp_billing_export_v1_…`, `gcp_billing_export_resource_v1_…`: the console makes them once the export is on. */
const EXPORT_TABLE = /^gcp_billing_export_/;
const MAX_TABLES = 1000;

/**
 * Sees to it that a project has the dataset for its billing export. One that is there is left as it is.
 *
 * @see https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/insert
 */
export async function ensureBillingDataset(call: CallGoogle, projectId: string): Promise<void> {
  const datasets = `${ORIGIN}/bigquery/v2/projects/${segment(projectId)}/datasets`;
  const there = await call({ method: "GET", url: `${datasets}/${BILLING_DATASET}` });
  if (there.status !== 404) {
    requireSuccess(there, "show the dataset for the billing export");
    return;
  }
  const made = await call({
    method: "POST",
    url: datasets,
    body: {
      datasetReference: { projectId, datasetId: BILLING_DATASET },
      location: LOCATION,
      description: "For the Cloud Billing export. Made by Aurora; the export itself is switched on in the console.",
    },
  });
  if (made.status !== 409) requireSuccess(made, "create the dataset for the billing export");
}

/**
 * Whether Google exports into the dataset: only its tables tell, since no API says or sets it.
 *
 * @see https://cloud.google.com/billing/docs/how-to/export-data-bigquery-setup
 */
export async function isExporting(call: CallGoogle, projectId: string): Promise<boolean> {
  const dataset = `${ORIGIN}/bigquery/v2/projects/${segment(projectId)}/datasets/${BILLING_DATASET}`;
  const answer = await call({ method: "GET", url: `${dataset}/tables?maxResults=${MAX_TABLES}` });
  const { tables } = requireSuccess(answer, "list the tables of the billing export");
  return Array.isArray(tables) && tables.some((table) => EXPORT_TABLE.test(tableIdOf(table)));
}

function tableIdOf(table: unknown): string {
  const reference = isJsonObject(table) ? table["tableReference"] : null;
  return isJsonObject(reference) ? (readText(reference, "tableId") ?? "") : "";
}
