import type { Route } from "../provider.ts";
import { type Answer, json, type WireRequest } from "../wire.ts";
import { type AdminParts, disabled, findProject, isAnswer, readBody, refuse, SCOPES } from "./google-admin-answers.ts";

const BIGQUERY = { host: "bigquery.googleapis.com", endpoint: "api" } as const;
const DATASET = "billing_export";
const STEP = "set_up_billing_exports";

/** The dataset a billing export goes to. Google's console, not an API, makes the tables in it. */
export function createBigqueryRoutes(parts: AdminParts): Route[] {
  const datasets = "/bigquery/v2/projects/[^/]+/datasets";
  return [
    { ...BIGQUERY, method: "POST", path: new RegExp(`^${datasets}$`), handle: (request) => create(parts, request) },
    { ...BIGQUERY, method: "GET", path: new RegExp(`^${datasets}/\\w+$`), handle: (request) => read(parts, request) },
    {
      ...BIGQUERY,
      method: "GET",
      path: new RegExp(`^${datasets}/\\w+/tables$`),
      handle: (request) => list(parts, request),
    },
  ];
}

/** @see https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/insert */
async function create(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const found = await findProject(parts, request, request.path.split("/")[4], SCOPES.manage);
  if (isAnswer(found)) return found;
  const { project } = found;
  const body = readBody(request, ["datasetReference", "location", "description", "friendlyName", "labels", "access"]);
  if (isAnswer(body)) return body;
  const reference = body["datasetReference"] as Record<string, unknown> | undefined;
  if (reference?.["datasetId"] !== DATASET || reference["projectId"] !== project.id) {
    return refuse(400, "INVALID_ARGUMENT", "Only the dataset of a billing export is played here.");
  }
  if (!parts.world.enabled(project.id).includes(BIGQUERY.host)) return disabled(BIGQUERY.host, project);
  return parts.inStep(project, STEP, () => {
    if (parts.world.hasDataset(project.id)) return refuse(409, "ALREADY_EXISTS", `Already Exists: Dataset ${DATASET}`);
    parts.world.addDataset(project.id);
    return json(200, { kind: "bigquery#dataset", datasetReference: reference, location: body["location"] ?? "US" });
  });
}

async function read(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const [, , , , id, , datasetId] = request.path.split("/");
  const found = await findProject(parts, request, id, SCOPES.read);
  if (isAnswer(found)) return found;
  return parts.inStep(found.project, STEP, () => {
    if (!parts.world.hasDataset(found.project.id) || datasetId !== DATASET) return missing(datasetId);
    return json(200, { kind: "bigquery#dataset", datasetReference: { projectId: found.project.id, datasetId } });
  });
}

async function list(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const [, , , , id, , datasetId] = request.path.split("/");
  const found = await findProject(parts, request, id, SCOPES.read);
  if (isAnswer(found)) return found;
  return parts.inStep(found.project, STEP, () => {
    if (!parts.world.hasDataset(found.project.id)) return missing(datasetId);
    const tableId = "gcp_billing_export_v1_0A1B2C_3D4E5F_678901";
    const tables = [{ kind: "bigquery#table", tableReference: { projectId: found.project.id, datasetId, tableId } }];
    return json(
      200,
      found.project.exporting ? { kind: "bigquery#tableList", tables, totalItems: 1 } : { totalItems: 0 },
    );
  });
}

function missing(datasetId: string | undefined): Answer {
  return refuse(404, "NOT_FOUND", `Not found: Dataset ${datasetId}`);
}
