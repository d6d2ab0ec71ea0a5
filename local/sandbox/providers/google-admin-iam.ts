import { createHash } from "node:crypto";
import type { Route } from "../provider.ts";
import { type Answer, json, type WireRequest } from "../wire.ts";
import { type AdminParts, disabled, findProject, isAnswer, readBody, refuse, SCOPES } from "./google-admin-answers.ts";
import type { Policy, Project } from "./google-admin-world.ts";

const IAM = { host: "iam.googleapis.com", endpoint: "api" } as const;
const MANAGER = { host: "cloudresourcemanager.googleapis.com", endpoint: "api" } as const;
const ACCOUNT_ID = /^[a-z]([-a-z0-9]{4,28}[a-z0-9])$/;
const PREDEFINED_ROLE = /^roles\/([a-zA-Z]+\.)?[a-zA-Z]+$/;
const MEMBER = /^(user|group|serviceAccount|domain):\S+$/;
const CREATOR = "roles/iam.serviceAccountTokenCreator";
const MAX_LIFETIME_SECONDS = 3600;

/** Service accounts, who may do what, and the tokens of service accounts. */
export function createIamRoutes(parts: AdminParts): Route[] {
  const accounts = "/v1/projects/[^/]+/serviceAccounts";
  return [
    { ...IAM, method: "POST", path: new RegExp(`^${accounts}$`), handle: (request) => createAccount(parts, request) },
    {
      ...IAM,
      method: "GET",
      path: new RegExp(`^${accounts}/[^/:]+$`),
      handle: (request) => readAccount(parts, request),
    },
    {
      ...IAM,
      method: "POST",
      path: new RegExp(`^${accounts}/[^/:]+:[gs]etIamPolicy$`),
      handle: (request) => servePolicy(parts, request),
    },
    {
      ...MANAGER,
      method: "POST",
      path: /^\/v1\/projects\/[^/:]+:[gs]etIamPolicy$/,
      handle: (request) => servePolicy(parts, request),
    },
    {
      method: "POST",
      host: "iamcredentials.googleapis.com",
      path: /^\/v1\/projects\/-\/serviceAccounts\/[^/:]+:generateAccessToken$/,
      endpoint: "api",
      handle: (request) => mintToken(parts, request),
    },
  ];
}

/** @see https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create */
async function createAccount(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const found = await findProject(parts, request, request.path.split("/")[3], SCOPES.manage);
  if (isAnswer(found)) return found;
  const { project } = found;
  const body = readBody(request, ["accountId", "serviceAccount"]);
  if (isAnswer(body)) return body;
  const accountId = String(body["accountId"] ?? "");
  if (!ACCOUNT_ID.test(accountId)) return refuse(400, "INVALID_ARGUMENT", "Invalid service account ID.");
  if (!parts.world.enabled(project.id).includes(IAM.host)) return disabled(IAM.host, project);
  return parts.inStep(project, "create_service_accounts", () => {
    const email = emailOf(project, accountId);
    if (parts.world.hasAccount(email)) {
      return refuse(409, "ALREADY_EXISTS", `Service account ${accountId} already exists within project.`);
    }
    parts.world.addAccount(project.id, email);
    return json(200, describe(project, email));
  });
}

async function readAccount(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const [, , , id, , rawEmail] = request.path.split("/");
  const found = await findProject(parts, request, id, SCOPES.read);
  if (isAnswer(found)) return found;
  const email = decodeURIComponent(rawEmail ?? "");
  return parts.inStep(found.project, "create_service_accounts", () => {
    if (!parts.world.accountsOf(found.project.id).includes(email)) return unknownAccount(email);
    return json(200, describe(found.project, email));
  });
}

/** Reading and writing, of a project's policy and of a service account's own. */
async function servePolicy(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const [, , , idPart = "", , emailPart] = request.path.split("/");
  const isWrite = request.path.endsWith(":setIamPolicy");
  const found = await findProject(parts, request, idPart.split(":")[0], SCOPES.manage);
  if (isAnswer(found)) return found;
  const email = emailPart === undefined ? null : decodeURIComponent(emailPart.split(":")[0] ?? "");
  if (email !== null && !parts.world.accountsOf(found.project.id).includes(email)) return unknownAccount(email);
  // A service account's takes the wanted version in the query, a project's in the body.
  const body = readBody(request, isWrite ? ["policy", "updateMask"] : email === null ? ["options"] : []);
  if (isAnswer(body)) return body;
  const resource = email === null ? `projects/${found.project.id}` : `serviceAccounts/${email}`;
  return parts.inStep(found.project, "configure_iam", () =>
    isWrite ? writePolicy(parts, resource, body["policy"]) : json(200, parts.world.policy(resource)),
  );
}

/** @see https://cloud.google.com/resource-manager/reference/rest/v1/projects/setIamPolicy */
function writePolicy({ world }: AdminParts, resource: string, raw: unknown): Answer {
  const policy = raw as Partial<Policy> | undefined;
  if (!Array.isArray(policy?.bindings)) return refuse(400, "INVALID_ARGUMENT", "Policy is missing.");
  if (policy.etag !== undefined && policy.etag !== world.policy(resource).etag) {
    const message = "There were concurrent policy changes. Please retry the whole read-modify-write.";
    return refuse(409, "ABORTED", message);
  }
  for (const { role, members } of policy.bindings as Policy["bindings"]) {
    if (!PREDEFINED_ROLE.test(role))
      return refuse(400, "INVALID_ARGUMENT", `Role ${role} is not supported for this resource.`);
    const wrong = members.find((member) => !MEMBER.test(member));
    if (wrong !== undefined) return refuse(400, "INVALID_ARGUMENT", `Invalid member ${wrong}.`);
    const missing = members.find((member) => isOurs(member) && !world.hasAccount(member.split(":")[1] ?? ""));
    if (missing !== undefined) return refuse(400, "INVALID_ARGUMENT", `Service account ${missing} does not exist.`);
  }
  return json(
    200,
    world.setPolicy(resource, { ...(policy.version && { version: policy.version }), bindings: policy.bindings }),
  );
}

function isOurs(member: string): boolean {
  return member.startsWith("serviceAccount:") && member.endsWith(".iam.gserviceaccount.com");
}

/** @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken */
async function mintToken(parts: AdminParts, request: WireRequest): Promise<Answer> {
  const caller = await parts.findCaller(request);
  if (caller === null) return refuse(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
  const body = readBody(request, ["scope", "lifetime", "delegates"]);
  if (isAnswer(body)) return body;
  const email = decodeURIComponent(request.path.split("/")[5]?.split(":")[0] ?? "");
  const creators = parts.world.policy(`serviceAccounts/${email}`).bindings.filter(({ role }) => role === CREATOR);
  if (!creators.some(({ members }) => members.includes(`user:${caller.email}`))) {
    return refuse(403, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.getAccessToken' denied on resource.");
  }
  const scopes = body["scope"];
  const seconds = Number(/^(\d+)s$/.exec(String(body["lifetime"] ?? "3600s"))?.[1]);
  if (!Array.isArray(scopes) || scopes.length === 0 || !(seconds > 0 && seconds <= MAX_LIFETIME_SECONDS)) {
    return refuse(400, "INVALID_ARGUMENT", "Scope or lifetime is not valid.");
  }
  const project = parts.world.findProject(email.split("@")[1]?.replace(/\.iam\.gserviceaccount\.com$/, "") ?? "");
  const answer = () =>
    json(200, {
      accessToken: parts.world.mintToken(email, seconds, scopes.map(String)),
      expireTime: "2026-12-31T00:00:00Z",
    });
  return project === null ? answer() : parts.inStep(project, "initialise_metadata", answer);
}

function unknownAccount(email: string): Answer {
  return refuse(404, "NOT_FOUND", `Unknown service account: ${email}`);
}

function emailOf({ id }: Project, accountId: string): string {
  return `${accountId}@${id.split(":").reverse().join(".")}.iam.gserviceaccount.com`;
}

function describe({ id }: Project, email: string) {
  const uniqueId = String(parseInt(createHash("sha256").update(email).digest("hex").slice(0, 12), 16)).padStart(
    21,
    "1",
  );
  return { name: `projects/${id}/serviceAccounts/${email}`, projectId: id, uniqueId, email, etag: "MDEwMjE5MjA=" };
}
