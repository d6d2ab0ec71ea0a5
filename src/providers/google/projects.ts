import { AppError } from "../../domain/errors.ts";
import { isJsonObject, type JsonObject, readText } from "../../domain/json.ts";
import { type CallGoogle, requireSuccess, segment } from "./call.ts";

const ORIGIN = "https://cloudresourcemanager.googleapis.com";
const BILLING_ORIGIN = "https://cloudbilling.googleapis.com";
const PAGE_SIZE = 200;
/** Nobody sets up ten thousand projects by hand; an answer that never ends is no answer. */
const MAX_PAGES = 50;
const ACTIVE = "ACTIVE";

export interface GoogleProject {
  readonly projectId: string;
  readonly projectNumber: string;
  readonly name: string;
  /** `organizations/…` or `folders/…`; null for a project of a person. */
  readonly parent: string | null;
  /** RFC 3339; null when it is not said. */
  readonly createdAt: string | null;
  readonly isActive: boolean;
}

/**
 * Every active project the account can see.
 *
 * @see https://cloud.google.com/resource-manager/reference/rest/v1/projects/list
 */
export async function listActiveProjects(call: CallGoogle): Promise<readonly GoogleProject[]> {
  const found: GoogleProject[] = [];
  let pageToken: string | null = null;
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = new URLSearchParams({ filter: `lifecycleState:${ACTIVE}`, pageSize: String(PAGE_SIZE) });
    if (pageToken !== null) query.set("pageToken", pageToken);
    const body = requireSuccess(
      await call({ method: "GET", url: `${ORIGIN}/v1/projects?${query}` }),
      "list the projects of this account",
    );
    const listed = Array.isArray(body["projects"]) ? body["projects"] : [];
    found.push(...listed.flatMap((raw) => (isJsonObject(raw) ? (readProjectOf(raw) ?? []) : [])));
    pageToken = readText(body, "nextPageToken");
    if (pageToken === null) return found.filter(({ isActive }) => isActive);
  }
  throw new AppError("provider_rejected", "This account sees too many projects to be set up; connect a narrower one.");
}

/** @see https://cloud.google.com/resource-manager/reference/rest/v1/projects/get */
export async function readProject(call: CallGoogle, projectId: string): Promise<GoogleProject> {
  const answer = await call({ method: "GET", url: `${ORIGIN}/v1/projects/${segment(projectId)}` });
  const project = readProjectOf(requireSuccess(answer, "show the project"));
  if (project === null) throw new AppError("provider_unavailable", "Google Cloud described a project unintelligibly.");
  return project;
}

/**
 * The billing account that pays for a project, `billingAccounts/…`; null when nobody does.
 *
 * @see https://cloud.google.com/billing/docs/reference/rest/v1/projects/getBillingInfo
 */
export async function readBillingAccount(call: CallGoogle, projectId: string): Promise<string | null> {
  const answer = await call({ method: "GET", url: `${BILLING_ORIGIN}/v1/projects/${segment(projectId)}/billingInfo` });
  const body = requireSuccess(answer, "say who pays for the project");
  return body["billingEnabled"] === true ? readText(body, "billingAccountName") : null;
}

/** The address of a project's access policy, for `ensureMember`. */
export function policyOfProject(projectId: string) {
  const resource = `${ORIGIN}/v1/projects/${segment(projectId)}`;
  return {
    read: {
      method: "POST" as const,
      url: `${resource}:getIamPolicy`,
      body: { options: { requestedPolicyVersion: 3 } },
    },
    writeUrl: `${resource}:setIamPolicy`,
  };
}

function readProjectOf(raw: JsonObject): GoogleProject | null {
  const [projectId, projectNumber] = [readText(raw, "projectId"), readText(raw, "projectNumber")];
  if (projectId === null || projectNumber === null) return null;
  return {
    projectId,
    projectNumber,
    name: readText(raw, "name") ?? projectId,
    parent: readParent(raw["parent"]),
    createdAt: readText(raw, "createTime"),
    isActive: raw["lifecycleState"] === ACTIVE,
  };
}

function readParent(raw: unknown): string | null {
  if (!isJsonObject(raw)) return null;
  const [type, id] = [readText(raw, "type"), readText(raw, "id")];
  return type === null || id === null ? null : `${type}s/${id}`;
}
