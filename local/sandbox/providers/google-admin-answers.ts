import { setTimeout as sleep } from "node:timers/promises";
import type { IssuedToken } from "../oidc/authorization-server.ts";
import { type Answer, json, readBearer, type WireRequest } from "../wire.ts";
import type { Project, Step, World } from "./google-admin-world.ts";

/** Whoever calls, as the bearer token says. */
export interface AdminCaller {
  readonly email: string;
  readonly scopes: readonly string[];
  readonly isServiceAccount: boolean;
}

/** What the parts of the admin APIs are built from. */
export interface AdminParts {
  readonly world: World;
  readonly findCaller: (request: WireRequest) => Promise<AdminCaller | null>;
  /** Refuses or holds the calls of a step, as the project was told to; otherwise answers. */
  readonly inStep: (project: Project, step: Step, answer: () => Answer) => Promise<Answer>;
}

const SCOPE = "https://www.googleapis.com/auth";
const EVERYTHING = `${SCOPE}/cloud-platform`;
const READ_ONLY = `${SCOPE}/cloud-platform.read-only`;
const PROJECTS = `${SCOPE}/cloudresourcemanager`;
/** The scopes each kind of call takes. */
export const SCOPES = {
  manage: [EVERYTHING],
  read: [EVERYTHING, READ_ONLY],
  projects: [EVERYTHING, PROJECTS, READ_ONLY],
};

const HOLD_POLL_MS = 50;

export function createParts(world: World, findToken: (value: string) => Promise<IssuedToken | null>): AdminParts {
  return {
    world,
    async findCaller(request) {
      const bearer = readBearer(request);
      if (bearer === null) return null;
      const minted = world.findToken(bearer);
      if (minted !== null) return { ...minted, isServiceAccount: true };
      const issued = await findToken(bearer);
      return issued && { email: issued.email, scopes: issued.scopes, isServiceAccount: false };
    },
    async inStep(project, step, answer) {
      if (project.deny.includes(step)) return refuse(403, "PERMISSION_DENIED", "The caller does not have permission.");
      const result = answer();
      if (project.hold?.step !== step || !world.takeHold(project.id)) return result;
      const until = Date.now() + project.hold.ms;
      while (Date.now() < until && world.findProject(project.id)?.hold) await sleep(HOLD_POLL_MS);
      return result;
    },
  };
}

/** The project in the path, when the caller may see it; otherwise the refusal. */
export async function findProject(
  { world, findCaller }: AdminParts,
  request: WireRequest,
  rawId: string | undefined,
  scopes: readonly string[],
): Promise<{ readonly project: Project; readonly caller: AdminCaller } | Answer> {
  const caller = await findCaller(request);
  if (caller === null) return refuse(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
  if (!caller.scopes.some((scope) => scopes.includes(scope))) {
    return refuse(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.");
  }
  const id = decodeURIComponent(rawId ?? "");
  const project = world.findProject(id);
  const denied = refuse(403, "PERMISSION_DENIED", `The caller does not have permission, or ${id} does not exist.`);
  if (project === null) return denied;
  const isMember = caller.isServiceAccount
    ? world.policy(`projects/${id}`).bindings.some(({ members }) => members.includes(`serviceAccount:${caller.email}`))
    : world.projectsOf(caller.email).some((own) => own.id === id);
  return isMember ? { project, caller } : denied;
}

export function isAnswer(value: object): value is Answer {
  return "status" in value && "body" in value;
}

/** An error as Google's APIs word it. @see https://cloud.google.com/apis/design/errors#http_mapping */
export function refuse(code: number, status: string, message: string, details?: readonly object[]): Answer {
  return json(code, { error: { code, message, status, ...(details && { details }) } });
}

/** An API that is not enabled in the project. */
export function disabled(service: string, project: Project): Answer {
  const info = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason: "SERVICE_DISABLED",
    domain: "googleapis.com",
  };
  const message = `${service} has not been used in project ${project.number} before or it is disabled.`;
  return refuse(403, "PERMISSION_DENIED", message, [{ ...info, metadata: { service } }]);
}

/** The JSON object of a body with none but these members; otherwise the refusal. An absent body counts as `{}`. */
export function readBody(request: WireRequest, names: readonly string[]): Record<string, unknown> | Answer {
  if (request.body.length === 0) return {};
  const isJson = /^application\/json\b/.test(request.headers["content-type"] ?? "");
  const body = isJson ? parse(request.body.toString("utf8")) : null;
  if (body === null) return refuse(400, "INVALID_ARGUMENT", "Invalid JSON payload received.");
  const unknown = Object.keys(body).find((name) => !names.includes(name));
  if (unknown === undefined) return body;
  return refuse(
    400,
    "INVALID_ARGUMENT",
    `Invalid JSON payload received. Unknown name "${unknown}": Cannot find field.`,
  );
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    // Not JSON: answered as Google answers it.
    return null;
  }
}
