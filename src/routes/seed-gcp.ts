import { z } from "@hono/zod-openapi";
import { isComplete, MAX_SELECTED_PROJECTS, type Setup, SetupResultSchema, TOTAL_STEPS } from "../domain/gcp-setup.ts";
import { requireId } from "../domain/ids.ts";
import { startConsent } from "../services/consent/start-consent.ts";
import { readOwnSetup } from "../services/gcp-setup/read-setups.ts";
import { selectProjects } from "../services/gcp-setup/select-projects.ts";
import { callerOf } from "./caller.ts";
import { finish } from "./oauth.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";

const GCP = "gcp";
/** Longer than any id of a project. */
const MAX_PROJECT_ID_CHARACTERS = 100;

/** `state` is `status` in capitals, as the seed's clients read it. */
const SetupStatusSchema = z
  .object({
    state: z.string(),
    status: z.string(),
    step: z.int(),
    total_steps: z.int(),
    progress: z.int(),
    complete: z.boolean(),
    result: SetupResultSchema.optional(),
  })
  .openapi("GcpSetupStatus");

const login = defineRoute({
  method: "post",
  path: "/gcp/login",
  summary: "Begin Google's consent (the seed's path)",
  access: "connections:write",
  limit: "connect",
  request: { body: jsonBody(z.object({ return_to: z.string().optional() })) },
  responses: { 200: { description: "The link", content: jsonContent(z.object({ login_url: z.string() })) } },
});

const callback = defineRoute({
  method: "get",
  path: "/gcp/callback",
  summary: "Where Google sends the browser back to (the seed's path)",
  access: "open",
  limit: "callback_address",
  errand: "connect an account",
  responses: { 302: { description: "Elsewhere, by the Location header" } },
});

const setupStatus = defineRoute({
  method: "get",
  path: "/gcp/setup/status/{id}",
  summary: "How far the set-up of a Google Cloud connection is; for its owner",
  access: "connections:read",
  request: { params: z.object({ id: z.string() }) },
  responses: { 200: { description: "The state", content: jsonContent(SetupStatusSchema) } },
});

const retry = defineRoute({
  method: "post",
  path: "/gcp/post-auth-retry",
  summary: "Go on with the projects selected",
  access: "connections:write",
  limit: "connect",
  request: {
    body: jsonBody(
      z.strictObject({
        selected_project_ids: z
          .array(z.string().min(1).max(MAX_PROJECT_ID_CHARACTERS))
          .min(1)
          .max(MAX_SELECTED_PROJECTS),
        /** For whoever has several accounts waiting. */
        connection_id: z.string().optional(),
      }),
    ),
  },
  responses: {
    202: {
      description: "Started",
      content: jsonContent(z.object({ status: z.literal("started"), task_id: z.string() })),
    },
  },
});

/** The seed's own paths for Google Cloud. */
export const seedGcpRoutes = createRouter()
  .openapi(login, async (c) => {
    const { return_to = null } = c.req.valid("json");
    const consent = { returnTo: return_to, scopes: null, mode: null };
    const { loginUrl } = await startConsent(c.var.deps, callerOf(c), GCP, consent);
    return c.json({ login_url: loginUrl }, 200);
  })
  .openapi(callback, (c) => finish(c, GCP))
  .openapi(setupStatus, async (c) => {
    const id = requireId("con", c.req.valid("param").id);
    return c.json(renderSetup(await readOwnSetup(c.var.deps, c.var.principal, id)), 200);
  })
  .openapi(retry, async (c) => {
    const { selected_project_ids: selected, connection_id: raw } = c.req.valid("json");
    const id = raw === undefined ? null : requireId("con", raw);
    // The status is read by the connection's id: that is what a client needs of a task.
    const task = await selectProjects(c.var.deps, callerOf(c), selected, id);
    return c.json({ status: "started" as const, task_id: task }, 202);
  });

function renderSetup(setup: Setup | null): z.infer<typeof SetupStatusSchema> {
  const total = { total_steps: TOTAL_STEPS };
  if (setup === null) {
    return { state: "NOT_STARTED", status: "not_started", step: 0, ...total, progress: 0, complete: false };
  }
  const { status, step, progress, result } = setup;
  return {
    state: status.toUpperCase(),
    status,
    step,
    ...total,
    progress,
    complete: isComplete(status),
    ...(result !== null && { result }),
  };
}
