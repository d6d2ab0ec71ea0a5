import type { AuthorizationServer } from "../oidc/authorization-server.ts";
import type { SandboxContext, SandboxProvider } from "../provider.ts";
import { type Answer, json, type WireRequest } from "../wire.ts";
import { createParts, isAnswer, readBody } from "./google-admin-answers.ts";
import { createBigqueryRoutes } from "./google-admin-bigquery.ts";
import { createIamRoutes } from "./google-admin-iam.ts";
import { createProjectRoutes } from "./google-admin-projects.ts";
import { createWorld, readProjects, type World } from "./google-admin-world.ts";

/** The APIs by which Google Cloud is administered, and `/_projects`, which says what an account has. */
export function createGoogleAdmin(
  context: SandboxContext,
  server: Pick<AuthorizationServer, "findAccessToken">,
): Required<Pick<SandboxProvider, "controls" | "origins" | "routes">> {
  const world = createWorld(context);
  const parts = createParts(world, server.findAccessToken);
  return {
    origins: ["cloudbilling", "serviceusage", "iam", "iamcredentials", "bigquery"].map(
      (name) => `https://${name}.googleapis.com`,
    ),
    routes: [...createProjectRoutes(parts), ...createIamRoutes(parts), ...createBigqueryRoutes(parts)],
    controls: {
      "GET _projects": ({ query }) => json(200, { projects: describe(world, query.get("email") ?? "") }),
      "POST _projects": (request) => change(world, request),
    },
  };
}

/** Takes `{email, projects: [{id, name?, billing?, state?, deny?, hold?, exporting?}]}`; what was made in them stays. */
function change(world: World, request: WireRequest): Answer {
  const body = readBody(request, ["email", "projects"]);
  if (isAnswer(body)) return body;
  const { email, projects: raw } = body;
  if (typeof email !== "string") return json(400, { error: "email must be text" });
  const projects = readProjects(raw);
  if (typeof projects === "string") return json(400, { error: projects });
  world.setProjects(email, projects);
  return json(200, { ok: true });
}

/** What became of an account's projects. */
function describe(world: World, email: string) {
  return world.projectsOf(email).map((project) => ({
    ...project,
    enabled: world.enabled(project.id),
    service_accounts: world.accountsOf(project.id),
    policy: world.policy(`projects/${project.id}`),
    service_account_policies: Object.fromEntries(
      world.accountsOf(project.id).map((account) => [account, world.policy(`serviceAccounts/${account}`)]),
    ),
    has_dataset: world.hasDataset(project.id),
  }));
}
