import type { Route } from "../provider.ts";
import { type Answer, json, type WireRequest } from "../wire.ts";
import { type AdminParts, findProject, isAnswer, readBody, refuse, SCOPES } from "./google-admin-answers.ts";
import type { Project } from "./google-admin-world.ts";

const MANAGER = { host: "cloudresourcemanager.googleapis.com", endpoint: "api" } as const;
/** Small, so that an account with many projects is paged. */
const PAGE_SIZE = 3;
const SERVICE = /^[a-z0-9-]+\.googleapis\.com$/;
const MAX_SERVICES = 20;

/** Resource Manager, Cloud Billing and Service Usage: what there is, who pays, what is switched on. */
export function createProjectRoutes(parts: AdminParts): Route[] {
  return [
    { ...MANAGER, method: "GET", path: "/v1/projects", handle: (request) => listProjects(parts, request) },
    {
      ...MANAGER,
      method: "GET",
      path: /^\/v1\/projects\/[^/:]+$/,
      handle: (request) => readProject(parts, request),
    },
    {
      method: "GET",
      host: "cloudbilling.googleapis.com",
      path: /^\/v1\/projects\/[^/]+\/billingInfo$/,
      endpoint: "api",
      handle: (request) => readBilling(parts, request),
    },
    {
      method: "POST",
      host: "serviceusage.googleapis.com",
      path: /^\/v1\/projects\/[^/]+\/services:batchEnable$/,
      endpoint: "api",
      handle: (request) => enable(parts, request),
    },
    {
      method: "GET",
      host: "serviceusage.googleapis.com",
      path: /^\/v1\/operations\/[\w.-]+$/,
      endpoint: "api",
      handle: (request) => readOperation(parts, request),
    },
  ];
}

/** @see https://cloud.google.com/resource-manager/reference/rest/v1/projects/list */
async function listProjects(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const caller = await parts.findCaller(request);
  if (caller === null) return refuse(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
  if (!caller.scopes.some((scope) => SCOPES.projects.includes(scope))) {
    return refuse(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.");
  }
  const { query } = request;
  const filter = query.get("filter");
  if (filter !== null && filter !== "lifecycleState:ACTIVE") {
    return refuse(400, "INVALID_ARGUMENT", "This filter is not played here.");
  }
  const start = Number(query.get("pageToken")?.replace(/^page-/, "") ?? 0);
  const pageSize = Math.min(Number(query.get("pageSize") ?? PAGE_SIZE), PAGE_SIZE);
  if (!Number.isInteger(start) || !(pageSize > 0)) return refuse(400, "INVALID_ARGUMENT", "Invalid page.");
  const all = parts.world.projectsOf(caller.email).filter(({ state }) => filter === null || state === "ACTIVE");
  const page = all.slice(start, start + pageSize);
  const hasMore = start + pageSize < all.length;
  // An empty list has no member at all.
  const body = {
    ...(page.length > 0 && { projects: page.map(describe) }),
    ...(hasMore && { nextPageToken: `page-${start + pageSize}` }),
  };
  const [first] = all;
  return first === undefined ? json(200, body) : parts.inStep(first, "fetch_projects", () => json(200, body));
}

async function readProject(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const found = await findProject(parts, request, request.path.split("/")[3], SCOPES.projects);
  if (isAnswer(found)) return found;
  const step = found.caller.isServiceAccount ? "initialise_metadata" : "fetch_projects";
  return parts.inStep(found.project, step, () => json(200, describe(found.project)));
}

/** @see https://cloud.google.com/billing/docs/reference/rest/v1/projects/getBillingInfo */
async function readBilling(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const found = await findProject(parts, request, request.path.split("/")[3], SCOPES.manage);
  if (isAnswer(found)) return found;
  const { id, billing } = found.project;
  const name = `projects/${id}/billingInfo`;
  const paid = billing === null ? { billingEnabled: false } : { billingAccountName: billing, billingEnabled: true };
  return parts.inStep(found.project, "fetch_projects", () => json(200, { name, projectId: id, ...paid }));
}

/** @see https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchEnable */
async function enable(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const found = await findProject(parts, request, request.path.split("/")[3], SCOPES.manage);
  if (isAnswer(found)) return found;
  const body = readBody(request, ["serviceIds"]);
  if (isAnswer(body)) return body;
  const services = body["serviceIds"];
  if (!Array.isArray(services) || services.length === 0 || services.length > MAX_SERVICES) {
    return refuse(400, "INVALID_ARGUMENT", `serviceIds must name 1 to ${MAX_SERVICES} services.`);
  }
  if (services.some((service) => !SERVICE.test(String(service)))) {
    return refuse(400, "INVALID_ARGUMENT", "A service is not found or is not public.");
  }
  const { project } = found;
  if (project.billing === null) return refuse(400, "FAILED_PRECONDITION", "Billing must be enabled for activation.");
  return parts.inStep(project, "enable_apis", () => {
    const isDone = services.every((service) => parts.world.enabled(project.id).includes(String(service)));
    if (isDone) return json(200, { name: "operations/noop.DONE_OPERATION", done: true, response: {} });
    return json(200, { name: parts.world.beginOperation(project.id, services.map(String)) });
  });
}

async function readOperation(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const caller = await parts.findCaller(request);
  if (caller === null) return refuse(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
  const name = request.path.slice("/v1/".length);
  const operation = parts.world.pollOperation(name);
  if (operation === null) return refuse(404, "NOT_FOUND", "Operation not found.");
  return json(200, operation.done ? { name, done: true, response: {} } : { name });
}

function describe({ id, number, name, state }: Project) {
  const createTime = "2026-01-01T00:00:00.000Z";
  return { projectNumber: number, projectId: id, lifecycleState: state, name, createTime };
}
