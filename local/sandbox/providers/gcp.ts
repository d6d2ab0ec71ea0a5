import { randomBytes } from "node:crypto";
import { type AuthorizationServer, createAuthorizationServer } from "../oidc/authorization-server.ts";
import { renderErrorPage } from "../oidc/consent-page.ts";
import type { Route, SandboxContext, SandboxProvider } from "../provider.ts";
import { type Answer, html, json, readForm, type WireRequest } from "../wire.ts";
import { createGcpApis } from "./gcp-apis.ts";
import { createServiceAccounts, JWT_BEARER } from "./gcp-service-account.ts";
import { createGoogleAdmin } from "./google-admin.ts";

const SCOPE = "https://www.googleapis.com/auth";
const SCOPES = [
  "openid",
  "email",
  `${SCOPE}/userinfo.email`,
  `${SCOPE}/cloud-platform`,
  `${SCOPE}/compute`,
  `${SCOPE}/cloudresourcemanager`,
];
const CLIENT_ID = "904112233445-sandbox.apps.googleusercontent.com";
const EMAIL_CLAIMS = ["email", "email_verified"];

/**
 * Google's OAuth 2.0 for web server applications.
 * @see https://developers.google.com/identity/protocols/oauth2/web-server
 */
export function createGcp(context: SandboxContext): SandboxProvider {
  const clientSecret = context.secret("gcp-client-secret", () => `GOCSPX-${randomBytes(21).toString("base64url")}`);
  const settings = context.tokenSettings({ provider: "gcp", expires_in: 3599, rotate: false, grace_seconds: 0 });
  const accounts = createServiceAccounts(context);
  const server = createAuthorizationServer(
    context,
    {
      id: "gcp",
      providerName: "Google Cloud",
      issuer: "https://accounts.google.com",
      client: { id: CLIENT_ID, secret: clientSecret, authMethod: "client_secret_post" },
      paths: { authorization: "/o/oauth2/v2/auth", token: "/token", revocation: "/_unused" },
      scopes: SCOPES,
      claims: { openid: ["sub"], email: EMAIL_CLAIMS, [`${SCOPE}/userinfo.email`]: EMAIL_CLAIMS },
      extraParams: ["access_type", "include_granted_scopes"],
      prefixes: { accessToken: "ya29.a0", refreshToken: "1//0", code: "4/0A" },
      // Google: only offline access yields a refresh token, and a repeated consent only when it is asked for.
      isOffline: (params) =>
        params["access_type"] === "offline" && (params["prompt"]?.split(" ").includes("consent") ?? false),
    },
    settings,
  );
  const admin = createGoogleAdmin(context, accounts.knowing(server));
  return {
    id: "gcp",
    origins: [
      "https://accounts.google.com",
      "https://oauth2.googleapis.com",
      "https://openidconnect.googleapis.com",
      "https://cloudresourcemanager.googleapis.com",
      ...admin.origins,
    ],
    controls: admin.controls,
    settings: { GCP_CLIENT_ID: CLIENT_ID, GCP_CLIENT_SECRET: clientSecret },
    credentials: () => ({ consent: true, emails: ["demo@example.com", "second@example.com"] }),
    keyCredentials: () => ({ service_account_json: accounts.keyFile() }),
    refusedCredentials: () => ({ service_account_json: accounts.powerlessKeyFile() }),
    routes: [
      ...createOAuthRoutes(server, context.isRedirectUriAllowed, (form) => accounts.exchange(form, settings())),
      ...createGcpApis(accounts.knowing(server)),
      ...admin.routes,
    ],
  };
}

function createOAuthRoutes(
  server: AuthorizationServer,
  isRedirectUriAllowed: (uri: string) => boolean,
  exchangeAssertion: (form: URLSearchParams) => Promise<Answer>,
): Route[] {
  const accounts = { host: "accounts.google.com", endpoint: null };
  return [
    {
      ...accounts,
      method: "GET",
      path: "/o/oauth2/v2/auth",
      endpoint: "authorize",
      handle: (request) => refuseAuthorization(request.query, isRedirectUriAllowed) ?? server.authorize(request),
    },
    { ...accounts, method: "GET", path: /^\/o\/oauth2\/v2\/auth\/[\w-]+$/, handle: server.authorize },
    { ...accounts, method: "GET", path: /^\/_consent\/[\w-]+$/, handle: server.consent },
    { ...accounts, method: "POST", path: /^\/_consent\/[\w-]+$/, handle: server.consent },
    {
      method: "POST",
      host: "oauth2.googleapis.com",
      path: "/token",
      endpoint: "token",
      handle: (request) => {
        const form = readForm(request);
        return form?.get("grant_type") === JWT_BEARER ? exchangeAssertion(form) : exchange(server, request);
      },
    },
    {
      method: "POST",
      host: "oauth2.googleapis.com",
      path: "/revoke",
      endpoint: "revoke",
      handle: (request) => revoke(server, request),
    },
  ];
}

/** Google shows these on a page of its own: it never sends a browser back to an address it has not checked. */
function refuseAuthorization(query: URLSearchParams, isRedirectUriAllowed: (uri: string) => boolean): Answer | null {
  const refuse = (status: number, code: string, detail: string) =>
    html(status, renderErrorPage(`Error ${status}: ${code}`, detail));
  const missing = ["client_id", "redirect_uri", "response_type", "scope"].find((name) => !query.get(name));
  if (missing) return refuse(400, "invalid_request", `Missing required parameter: ${missing}`);
  if (query.get("client_id") !== CLIENT_ID) return refuse(401, "invalid_client", "The OAuth client was not found.");
  if (!isRedirectUriAllowed(query.get("redirect_uri") ?? "")) {
    return refuse(400, "redirect_uri_mismatch", "The redirect URI is not registered for this client.");
  }
  if (query.get("response_type") !== "code")
    return refuse(400, "unsupported_response_type", "Only code is played here.");
  if (!["offline", "online"].includes(query.get("access_type") ?? "online")) {
    return refuse(400, "invalid_request", "Invalid parameter value for access_type");
  }
  const unknown =
    query
      .get("scope")
      ?.split(" ")
      .filter((scope) => !SCOPES.includes(scope)) ?? [];
  if (unknown.length > 0)
    return refuse(400, "invalid_scope", `Some requested scopes were invalid: ${unknown.join(", ")}`);
  const prompts = query.get("prompt")?.split(" ") ?? [];
  if (prompts.every((prompt) => ["none", "consent", "select_account"].includes(prompt))) return null;
  return refuse(400, "invalid_request", "Invalid parameter value for prompt");
}

async function exchange(server: AuthorizationServer, request: WireRequest): Promise<Answer> {
  const form = readForm(request);
  if (!form) return json(400, { error: "invalid_request", error_description: "Could not parse the form." });
  const answer = await server.exchange(request);
  const body = JSON.parse(String(answer.body)) as Record<string, unknown>;
  if (answer.status === 200) return json(200, describeTokens(body, form));
  return json(answer.status, { error: body["error"], error_description: describeError(body, form) });
}

/** Google names the email scope by its URL, and answers no refresh token when there is no new one. */
function describeTokens(body: Record<string, unknown>, form: URLSearchParams): Record<string, unknown> {
  const { refresh_token, ...rest } = body;
  const scope = String(rest["scope"] ?? "")
    .split(" ")
    .map((name) => (name === "email" ? `${SCOPE}/userinfo.email` : name));
  const isNew = refresh_token !== undefined && refresh_token !== form.get("refresh_token");
  return {
    ...rest,
    ...(isNew ? { refresh_token } : {}),
    scope: [...new Set(scope)].join(" "),
    token_type: "Bearer",
  };
}

function describeError(body: Record<string, unknown>, form: URLSearchParams): unknown {
  if (body["error"] === "invalid_client") {
    return form.get("client_id") === CLIENT_ID ? "Unauthorized" : "The OAuth client was not found.";
  }
  if (body["error"] !== "invalid_grant") return body["error_description"];
  return form.get("grant_type") === "refresh_token" ? "Token has been expired or revoked." : "Malformed auth code.";
}

/**
 * Takes an access or a refresh token without client authentication, in the form or in the query as documented.
 * Google takes back all this person granted the client, not the one token's grant.
 */
async function revoke(server: AuthorizationServer, request: WireRequest): Promise<Answer> {
  const form = readForm(request);
  const token = form?.get("token") ?? request.query.get("token");
  if (!form || !token) return json(400, { error: "invalid_request", error_description: "Bad Request" });
  if (await server.revokeAccount(token)) return json(200, {});
  return json(400, { error: "invalid_token", error_description: "Token expired or revoked" });
}
