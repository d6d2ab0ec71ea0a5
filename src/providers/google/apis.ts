import { AppError } from "../../domain/errors.ts";
import { isJsonObject, type JsonObject, readText } from "../../domain/json.ts";
import { type CallGoogle, nameOfCode, requireSuccess, segment } from "./call.ts";

const ORIGIN = "https://serviceusage.googleapis.com";
/** One request enables at most so many. */
export const MAX_APIS_PER_CALL = 20;
/** Codes of a failed operation that the same request may not meet again. */
const PASSING_CODES = ["UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "ABORTED", "RESOURCE_EXHAUSTED"];

/**
 * What is enabled in a project: the API of every host the credential may be sent to (`apiHosts` of the provider),
 * and the inventory the service account reads.
 */
export const REQUIRED_APIS: readonly string[] = [
  "cloudresourcemanager.googleapis.com",
  "serviceusage.googleapis.com",
  "iam.googleapis.com",
  "iamcredentials.googleapis.com",
  "cloudbilling.googleapis.com",
  "bigquery.googleapis.com",
  "cloudasset.googleapis.com",
  "compute.googleapis.com",
  "container.googleapis.com",
  "logging.googleapis.com",
  "monitoring.googleapis.com",
  "pubsub.googleapis.com",
  "run.googleapis.com",
  "sqladmin.googleapis.com",
  "storage.googleapis.com",
];

/**
 * Asks for at most 20 APIs to be enabled; those that are stay so.
 *
 * @returns The operation to wait for; null when it is done.
 * @see https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchEnable
 */
export async function beginEnabling(
  call: CallGoogle,
  projectId: string,
  apis: readonly string[],
): Promise<string | null> {
  const url = `${ORIGIN}/v1/projects/${segment(projectId)}/services:batchEnable`;
  const answer = await call({ method: "POST", url, body: { serviceIds: [...apis] } });
  return readOperation(requireSuccess(answer, "enable the APIs"));
}

/** The operation while it runs; null when it is done. @throws `provider_rejected` when it failed. */
export async function readEnabling(call: CallGoogle, operation: string): Promise<string | null> {
  const answer = await call({ method: "GET", url: `${ORIGIN}/v1/${operation}` });
  return readOperation(requireSuccess(answer, "say whether the APIs are enabled"));
}

/** @see https://cloud.google.com/service-usage/docs/reference/rest/Shared.Types/Operation */
function readOperation(body: JsonObject): string | null {
  const error = body["error"];
  if (isJsonObject(error)) {
    const code = nameOfCode(error["code"]);
    if (PASSING_CODES.includes(code)) {
      throw new AppError("provider_unavailable", `Google Cloud could not enable the APIs (${code}).`);
    }
    throw new AppError("provider_rejected", `Google Cloud refused to enable the APIs (${code}).`);
  }
  if (body["done"] === true) return null;
  const name = readText(body, "name");
  if (name !== null && /^operations\/[\w.-]+$/.test(name)) return name;
  throw new AppError("provider_unavailable", "Google Cloud did not say how the APIs are being enabled.");
}
