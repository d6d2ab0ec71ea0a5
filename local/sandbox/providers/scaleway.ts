import { randomBytes, randomUUID } from "node:crypto";
import type { SandboxContext, SandboxProvider } from "../provider.ts";
import { type Answer, json, type WireRequest } from "../wire.ts";

const HOST = "api.scaleway.com";
const ORGANIZATION_ID = "8b1e4c62-3d75-4f0a-9c28-61f7e5a0d394";
const USER_ID = "2d9f7a10-5c43-4b8e-a6f1-08e3c7b5d924";
const PROJECTS = [
  { id: ORGANIZATION_ID, name: "default" },
  { id: "c4a7f3e8-1b60-4d29-8e5a-7d02b9f6c135", name: "sandbox" },
];

interface Key {
  readonly accessKey: string;
  readonly secretKey: string;
  /** False for a key whose policy allows nothing. */
  readonly hasPolicy: boolean;
}

/**
 * A Scaleway organisation with two API keys of one user.
 * @see https://www.scaleway.com/en/developers/api/iam/ and https://www.scaleway.com/en/developers/api/account/project-api/
 */
export function createScaleway(context: SandboxContext): SandboxProvider {
  const key = (name: string, hasPolicy: boolean): Key => ({
    accessKey: context.secret(`${name}-access-key`, createAccessKey),
    secretKey: context.secret(`${name}-secret-key`, randomUUID),
    hasPolicy,
  });
  const keys = [key("scaleway", true), key("scaleway-powerless", false)];
  const [good, powerless] = keys.map(({ accessKey, secretKey }) => ({ access_key: accessKey, secret_key: secretKey }));
  const route = { method: "GET", host: HOST, endpoint: "api" } as const;
  const forKey = (handle: (request: WireRequest, key: Key) => Answer) => (request: WireRequest) => {
    const found = keys.find(({ secretKey }) => secretKey === request.headers["x-auth-token"]);
    return found ? handle(request, found) : refuseAuthentication();
  };
  return {
    id: "scaleway",
    origins: [`https://${HOST}`],
    settings: {},
    credentials: () => ({ ...good }),
    refusedCredentials: () => ({ ...powerless }),
    routes: [
      { ...route, path: /^\/iam\/v1alpha1\/api-keys\/[^/]+$/, handle: forKey(readKey) },
      { ...route, path: /^\/iam\/v1alpha1\/users\/[^/]+$/, handle: forKey(readUser) },
      { ...route, path: "/account/v3/projects", handle: forKey(listProjects) },
    ],
  };
}

/** A key may always read itself. */
function readKey(request: WireRequest, key: Key): Answer {
  const id = request.path.split("/").at(-1);
  if (id !== key.accessKey) return refuseResource("api_key", id);
  const bearer = { user_id: USER_ID, default_project_id: PROJECTS[0]?.id, editable: true, description: "" };
  return json(200, { access_key: key.accessKey, secret_key: null, ...bearer, expires_at: null });
}

function readUser(request: WireRequest, { hasPolicy }: Key): Answer {
  const id = request.path.split("/").at(-1);
  if (!hasPolicy) return refusePermission("iam", "read");
  if (id !== USER_ID) return refuseResource("user", id);
  return json(200, { id, email: "demo@example.com", organization_id: ORGANIZATION_ID, type: "owner" });
}

function listProjects({ query }: WireRequest, { hasPolicy }: Key): Answer {
  if (!hasPolicy) return refusePermission("project", "read");
  if (query.get("organization_id") !== ORGANIZATION_ID) return refusePermission("project", "read");
  const wanted = query.getAll("project_ids");
  const projects = PROJECTS.filter(({ id }) => wanted.length === 0 || wanted.includes(id)).map((project) => ({
    ...project,
    organization_id: ORGANIZATION_ID,
  }));
  return json(200, { total_count: projects.length, projects });
}

function refuseAuthentication(): Answer {
  const detail = { method: "api_key", reason: "not_found", type: "denied_authentication" };
  return json(401, { message: "authentication is denied", ...detail });
}

function refusePermission(resource: string, action: string): Answer {
  return json(403, {
    message: "insufficient permissions",
    type: "permissions_denied",
    details: [{ resource, action }],
  });
}

function refuseResource(resource: string, id: string | undefined): Answer {
  return json(404, { message: "resource is not found", type: "not_found", resource, resource_id: id });
}

function createAccessKey(): string {
  const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789";
  return `SCW${[...randomBytes(17)].map((byte) => alphabet[byte % alphabet.length]).join("")}`;
}
