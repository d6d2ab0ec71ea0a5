import { randomBytes } from "node:crypto";
import { type AuthorizationServer, createAuthorizationServer, type IssuedToken } from "../oidc/authorization-server.ts";
import { renderErrorPage } from "../oidc/consent-page.ts";
import type { Route, SandboxContext, SandboxProvider } from "../provider.ts";
import type { TokenSettings } from "../token-settings.ts";
import { type Answer, html, json, readBearer, readForm, type WireRequest } from "../wire.ts";

const HOST = "slack.com";
const CLIENT_ID = "2141029472.691202649728";
const APP_ID = "A0SANDBOX01";
const AUTHORIZE = "/oauth/v2/authorize";
const SCOPES = [
  ...["app_mentions:read", "chat:write", "channels:join", "channels:manage", "channels:read", "channels:history"],
  ...["groups:read", "groups:history", "groups:write", "im:write", "im:history", "mpim:write", "mpim:history"],
  ...["users:read", "users:read.email"],
];
/** A rotating bot token, and what a static one begins with instead. */
const [ROTATING, STATIC] = ["xoxe.xoxb-1-", "xoxb-"];

/**
 * Slack's OAuth v2, with rotating tokens (`rotate: true`) or static ones. Everything but a rate limit is a 200.
 * @see https://docs.slack.dev/authentication/installing-with-oauth
 */
export function createSlack(context: SandboxContext): SandboxProvider {
  const clientSecret = context.secret("slack-client-secret", () => randomBytes(16).toString("hex"));
  const settings = context.tokenSettings({ provider: "slack", expires_in: 43_200, rotate: true, grace_seconds: 0 });
  const server = createAuthorizationServer(
    context,
    {
      id: "slack",
      providerName: "Slack",
      issuer: `https://${HOST}`,
      client: { id: CLIENT_ID, secret: clientSecret, authMethod: "client_secret_post" },
      paths: { authorization: AUTHORIZE, token: "/api/oauth.v2.access", revocation: "/_unused" },
      scopes: SCOPES,
      claims: {},
      extraParams: ["user_scope", "team"],
      prefixes: { accessToken: ROTATING, refreshToken: "xoxe-1-", code: "2141029472." },
      isOffline: () => settings().rotate,
      isPkceOptional: true,
    },
    settings,
  );
  return {
    id: "slack",
    origins: [`https://${HOST}`],
    settings: { SLACK_CLIENT_ID: CLIENT_ID, SLACK_CLIENT_SECRET: clientSecret },
    credentials: () => ({ consent: true, emails: ["demo@example.com", "second@example.com"] }),
    routes: createRoutes(server, context.isRedirectUriAllowed, settings),
  };
}

function createRoutes(
  server: AuthorizationServer,
  isRedirectUriAllowed: (uri: string) => boolean,
  settings: () => TokenSettings,
): Route[] {
  const page = { host: HOST, endpoint: null };
  const post = { host: HOST, method: "POST" } as const;
  return [
    {
      ...page,
      method: "GET",
      path: AUTHORIZE,
      endpoint: "authorize",
      handle: (request) => authorize(server, request, isRedirectUriAllowed),
    },
    { ...page, method: "GET", path: /^\/oauth\/v2\/authorize\/[\w-]+$/, handle: server.authorize },
    { ...page, method: "GET", path: /^\/_consent\/[\w-]+$/, handle: server.consent },
    { ...page, method: "POST", path: /^\/_consent\/[\w-]+$/, handle: server.consent },
    {
      ...post,
      path: "/api/oauth.v2.access",
      endpoint: "token",
      handle: (request) => exchange(server, request, settings),
    },
    { ...post, path: "/api/auth.test", endpoint: "api", handle: (request) => testToken(server, request) },
    { ...post, path: "/api/auth.revoke", endpoint: "revoke", handle: (request) => revoke(server, request) },
  ];
}

/** Slack shows these on a page of its own. It knows no `response_type`, and takes scopes parted by commas. */
function authorize(
  server: AuthorizationServer,
  request: WireRequest,
  isRedirectUriAllowed: (uri: string) => boolean,
): Answer | Promise<Answer> {
  const query = new URLSearchParams(request.query);
  const refuse = (code: string) => html(200, renderErrorPage("Something went wrong", `Error details: ${code}`));
  if (query.get("client_id") !== CLIENT_ID) return refuse("invalid_client_id");
  if (!isRedirectUriAllowed(query.get("redirect_uri") ?? "")) return refuse("bad_redirect_uri");
  // This app has not given up its secret: see https://docs.slack.dev/authentication/using-pkce
  if (query.has("code_challenge") || query.has("code_challenge_method")) return refuse("pkce_not_allowed");
  const scopes = query.get("scope")?.split(",") ?? [];
  if (scopes.length === 0) return refuse("no_scopes");
  if (scopes.some((scope) => !SCOPES.includes(scope))) return refuse("invalid_scope");
  query.set("scope", scopes.join(" "));
  query.set("response_type", "code");
  return server.authorize({ ...request, query });
}

async function exchange(
  server: AuthorizationServer,
  request: WireRequest,
  settings: () => TokenSettings,
): Promise<Answer> {
  const form = readForm(request);
  if (!form) return refused("invalid_form_data");
  if (form.has("code_verifier")) return refused("pkce_not_allowed");
  // Optional at Slack, and a code when it is left out.
  if (!form.has("grant_type")) form.set("grant_type", "authorization_code");
  const answer = await server.exchange({ ...request, body: Buffer.from(form.toString()) });
  const body = JSON.parse(String(answer.body)) as Record<string, unknown>;
  if (answer.status !== 200) return refused(describeError(String(body["error"]), form));
  const token = await server.findAccessToken(String(body["access_token"]));
  return token ? json(200, describeTokens(body, token, settings())) : refused("internal_error");
}

function describeError(error: string, form: URLSearchParams): string {
  if (error === "invalid_client") {
    return form.get("client_id") === CLIENT_ID ? "bad_client_secret" : "invalid_client_id";
  }
  if (error === "invalid_grant")
    return form.get("grant_type") === "refresh_token" ? "invalid_refresh_token" : "invalid_code";
  return error === "unsupported_grant_type" ? "invalid_grant_type" : "invalid_arguments";
}

function describeTokens(body: Record<string, unknown>, token: IssuedToken, { rotate }: TokenSettings) {
  const accessToken = String(body["access_token"]);
  const { refresh_token, expires_in } = body;
  return {
    ok: true,
    app_id: APP_ID,
    authed_user: { id: userOf(token) },
    scope: token.scopes.join(","),
    token_type: "bot",
    access_token: rotate ? accessToken : accessToken.replace(ROTATING, STATIC),
    bot_user_id: "U0SANDBOXBOT",
    ...(rotate && { refresh_token, expires_in }),
    team: { id: teamOf(token), name: token.email },
    enterprise: null,
    is_enterprise_install: false,
  };
}

async function testToken(server: AuthorizationServer, request: WireRequest): Promise<Answer> {
  const token = await findToken(server, request);
  if (typeof token === "string") return refused(token);
  const [team_id, user_id] = [teamOf(token), "U0SANDBOXBOT"];
  const url = "https://sandbox.slack.com/";
  return json(200, { ok: true, url, team: token.email, user: "aurora", team_id, user_id, bot_id: "B0SANDBOX" });
}

/** Ends the bot of this app in this workspace, with every token it has. */
async function revoke(server: AuthorizationServer, request: WireRequest): Promise<Answer> {
  const token = await findToken(server, request);
  if (typeof token === "string") return refused(token);
  await server.revokeAccount(internalOf(readBearer(request) ?? ""));
  return json(200, { ok: true, revoked: true });
}

async function findToken(server: AuthorizationServer, request: WireRequest): Promise<IssuedToken | string> {
  const bearer = readBearer(request);
  if (bearer === null) return "not_authed";
  return (await server.findAccessToken(internalOf(bearer))) ?? "invalid_auth";
}

function internalOf(token: string): string {
  return token.startsWith(STATIC) ? token.replace(STATIC, ROTATING) : token;
}

function teamOf({ sub }: IssuedToken): string {
  return `T${sub.slice(-9)}`;
}

function userOf({ sub }: IssuedToken): string {
  return `U${sub.slice(-9)}`;
}

function refused(error: string): Answer {
  return json(200, { ok: false, error });
}
