import { randomBytes } from "node:crypto";
import { type AuthorizationServer, createAuthorizationServer } from "../oidc/authorization-server.ts";
import type { Route, SandboxContext, SandboxProvider } from "../provider.ts";
import { type Answer, json, readForm, type WireRequest } from "../wire.ts";

const HOST = "bitbucket.org";
const API_HOST = "api.bitbucket.org";
const AUTHORIZE = "/site/oauth2/authorize";
const CLIENT_ID = "SandboxConsumerKey";
const EMAIL = "demo@example.com";
/** What the consumer was made with: a consent gives these, whatever it asks for. */
const CONSUMER_SCOPES = [
  ...["repository:write", "pullrequest:write", "issue:write", "account", "project", "pipeline:write", "webhook"],
];
/** One of those Aurora would like to have is missing on purpose. */
const TOKEN_SCOPES = [
  ...["read:user:bitbucket", "read:workspace:bitbucket", "read:project:bitbucket", "read:repository:bitbucket"],
  ...["write:repository:bitbucket", "read:pullrequest:bitbucket", "write:pullrequest:bitbucket"],
  ...["read:issue:bitbucket", "write:issue:bitbucket", "read:pipeline:bitbucket", "write:pipeline:bitbucket"],
  ...["read:webhook:bitbucket", "write:webhook:bitbucket"],
];

/**
 * Bitbucket Cloud: OAuth with rotating refresh tokens, and API tokens.
 * @see https://developer.atlassian.com/cloud/bitbucket/oauth-2/
 */
export function createBitbucket(context: SandboxContext): SandboxProvider {
  const clientSecret = context.secret("bitbucket-client-secret", () => randomBytes(24).toString("hex"));
  const apiToken = context.secret("bitbucket-api-token", () => `ATATT3${randomBytes(48).toString("base64url")}`);
  const powerless = context.secret("bitbucket-powerless-token", () => `ATATT3${randomBytes(48).toString("base64url")}`);
  const settings = context.tokenSettings({ provider: "bitbucket", expires_in: 7200, rotate: true, grace_seconds: 0 });
  const server = createAuthorizationServer(
    context,
    {
      id: "bitbucket",
      providerName: "Bitbucket",
      issuer: `https://${HOST}`,
      client: { id: CLIENT_ID, secret: clientSecret, authMethod: "client_secret_basic" },
      paths: { authorization: AUTHORIZE, token: "/site/oauth2/access_token", revocation: "/_unused" },
      scopes: CONSUMER_SCOPES,
      claims: {},
      extraParams: [],
      prefixes: { accessToken: "", refreshToken: "", code: "" },
      isOffline: () => true,
      isPkceOptional: true,
    },
    settings,
  );
  const tokens = new Map([
    [`${EMAIL}:${apiToken}`, TOKEN_SCOPES],
    [`${EMAIL}:${powerless}`, ["read:repository:bitbucket"]],
  ]);
  return {
    id: "bitbucket",
    origins: [`https://${HOST}`, `https://${API_HOST}`],
    settings: { BITBUCKET_CLIENT_ID: CLIENT_ID, BITBUCKET_CLIENT_SECRET: clientSecret },
    credentials: () => ({ consent: true, emails: [EMAIL, "second@example.com"] }),
    keyCredentials: () => ({ email: EMAIL, api_token: apiToken }),
    refusedCredentials: () => ({ email: EMAIL, api_token: powerless }),
    routes: createRoutes(server, tokens),
  };
}

function createRoutes(server: AuthorizationServer, tokens: ReadonlyMap<string, readonly string[]>): Route[] {
  const page = { host: HOST, endpoint: null };
  return [
    { ...page, method: "GET", path: AUTHORIZE, endpoint: "authorize", handle: (request) => authorize(server, request) },
    { ...page, method: "GET", path: /^\/site\/oauth2\/authorize\/[\w-]+$/, handle: server.authorize },
    { ...page, method: "GET", path: /^\/_consent\/[\w-]+$/, handle: server.consent },
    { ...page, method: "POST", path: /^\/_consent\/[\w-]+$/, handle: server.consent },
    {
      method: "POST",
      host: HOST,
      path: "/site/oauth2/access_token",
      endpoint: "token",
      handle: (request) => exchange(server, request),
    },
    {
      method: "GET",
      host: API_HOST,
      path: "/2.0/user",
      endpoint: "api",
      handle: (request) => readUser(server, tokens, request),
    },
  ];
}

/** The scopes are the consumer's: the parameter is passed over. */
function authorize(server: AuthorizationServer, request: WireRequest): Promise<Answer> {
  const query = new URLSearchParams(request.query);
  query.set("scope", CONSUMER_SCOPES.join(" "));
  return server.authorize({ ...request, query });
}

/** Takes the client's key and secret by HTTP Basic only, and answers no more than is documented. */
async function exchange(server: AuthorizationServer, request: WireRequest): Promise<Answer> {
  if (readForm(request)?.has("client_secret")) {
    return json(401, { error: "unauthorized_client", error_description: "Client credentials missing; use Basic." });
  }
  const answer = await server.exchange(request);
  if (answer.status !== 200) return answer;
  const { access_token, refresh_token, expires_in, scope } = JSON.parse(String(answer.body)) as Record<string, unknown>;
  return json(200, { access_token, refresh_token, expires_in, scope, state: "", token_type: "bearer" });
}

/** @see https://developer.atlassian.com/cloud/bitbucket/rest/api-group-users/#api-user-get */
async function readUser(
  server: AuthorizationServer,
  tokens: ReadonlyMap<string, readonly string[]>,
  request: WireRequest,
): Promise<Answer> {
  const holder = await findHolder(server, tokens, request.headers.authorization ?? "");
  if (!holder) return refuse(401, "Token is invalid, expired, or not supported for this endpoint.");
  const headers = { "x-oauth-scopes": holder.scopes.join(", ") };
  if (!holder.scopes.some((scope) => ["account", "read:user:bitbucket"].includes(scope))) {
    return refuse(403, "Your credentials lack one or more required privilege scopes.", headers);
  }
  const username = (holder.email.split("@")[0] ?? "").replaceAll(/[^a-z0-9_]/g, "_");
  const user = { type: "user", uuid: "{6f1b0e5c-2f0e-4a3b-9c1d-3f5a7b9d1e2f}", account_id: `557058:${username}` };
  return json(200, { ...user, username, display_name: `Sandbox ${username}`, account_status: "active" }, headers);
}

async function findHolder(
  server: AuthorizationServer,
  tokens: ReadonlyMap<string, readonly string[]>,
  authorization: string,
): Promise<{ email: string; scopes: readonly string[] } | null> {
  const [scheme, value = ""] = authorization.split(" ");
  if (scheme === "Bearer") return server.findAccessToken(value);
  const pair = scheme === "Basic" ? Buffer.from(value, "base64").toString("utf8") : "";
  const scopes = tokens.get(pair);
  return scopes ? { email: pair.split(":")[0] ?? "", scopes } : null;
}

function refuse(status: number, message: string, headers: Record<string, string> = {}): Answer {
  return json(status, { type: "error", error: { message } }, headers);
}
