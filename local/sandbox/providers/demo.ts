import { randomBytes } from "node:crypto";
import { type AuthorizationServer, createAuthorizationServer } from "../oidc/authorization-server.ts";
import type { Route, SandboxContext, SandboxProvider } from "../provider.ts";
import { type Answer, json, readBearer, readForm, type WireRequest } from "../wire.ts";
import { echo } from "./demo-echo.ts";

const HOST = "demo-idp.example";
const ORIGIN = `https://${HOST}`;
const CLIENT_ID = "aurora-demo";

/** A plain OAuth 2.0 server for `CUSTOM_PROVIDERS`: it rotates refresh tokens and ends the family on reuse. */
export function createDemo(context: SandboxContext): SandboxProvider {
  const clientSecret = context.secret("demo-client-secret", () => randomBytes(32).toString("base64url"));
  const settings = context.tokenSettings({ provider: "demo", expires_in: 3600, rotate: true, grace_seconds: 0 });
  const server = createAuthorizationServer(
    context,
    {
      id: "demo",
      providerName: "Demo IdP",
      issuer: ORIGIN,
      client: { id: CLIENT_ID, secret: clientSecret, authMethod: "client_secret_basic" },
      paths: { authorization: "/authorize", token: "/token", revocation: "/revoke" },
      scopes: ["read", "write"],
      claims: {},
      extraParams: [],
      prefixes: { accessToken: "demo_at_", refreshToken: "demo_rt_", code: "demo_code_" },
      isOffline: () => true,
    },
    settings,
  );
  return {
    id: "demo",
    origins: [ORIGIN],
    settings: { CUSTOM_PROVIDERS: JSON.stringify([describeClient(clientSecret)]) },
    credentials: () => ({ consent: true, emails: ["demo@example.com", "second@example.com"] }),
    routes: createRoutes(server),
  };
}

function describeClient(clientSecret: string) {
  return {
    id: "demo",
    name: "Demo IdP",
    authorization_endpoint: `${ORIGIN}/authorize`,
    token_endpoint: `${ORIGIN}/token`,
    revocation_endpoint: `${ORIGIN}/revoke`,
    client_id: CLIENT_ID,
    client_secret: clientSecret,
    scopes: ["read"],
    token_endpoint_auth_method: "client_secret_basic",
  };
}

function createRoutes(server: AuthorizationServer): Route[] {
  const page = { host: HOST, endpoint: null };
  return [
    {
      method: "GET",
      host: HOST,
      path: "/authorize",
      endpoint: "authorize",
      handle: (request) => authorize(server, request),
    },
    { ...page, method: "GET", path: /^\/authorize\/[\w-]+$/, handle: server.authorize },
    { ...page, method: "GET", path: /^\/_consent\/[\w-]+$/, handle: server.consent },
    { ...page, method: "POST", path: /^\/_consent\/[\w-]+$/, handle: server.consent },
    { method: "POST", host: HOST, path: "/token", endpoint: "token", handle: (request) => exchange(server, request) },
    { method: "POST", host: HOST, path: "/revoke", endpoint: "revoke", handle: (request) => exchange(server, request) },
    { method: "GET", host: HOST, path: "/v1/me", endpoint: "api", handle: (request) => readMe(server, request) },
    ...(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const).map((method) => ({
      ...{ method, host: HOST, path: /^\/v1\/echo(\/.*)?$/, endpoint: "api" as const },
      handle: (request: WireRequest) => readEcho(server, request),
    })),
  ];
}

/** oidc-provider passes over scopes it does not know; RFC 6749 section 4.1.2.1 has them refused. */
function authorize(server: AuthorizationServer, request: WireRequest): Promise<Answer> {
  const scopes = request.query.get("scope")?.split(" ") ?? [];
  if (scopes.every((scope) => ["read", "write"].includes(scope))) return server.authorize(request);
  const query = new URLSearchParams(request.query);
  // A character no scope may hold makes the server answer invalid_scope its own way, to a checked redirect URI only.
  query.set("scope", "\\");
  return server.authorize({ ...request, query });
}

/** The client is registered for HTTP Basic only; oidc-provider alone would take the secret in the form too. */
async function exchange(server: AuthorizationServer, request: WireRequest): Promise<Answer> {
  if (readForm(request)?.has("client_secret")) {
    return json(401, { error: "invalid_client", error_description: "use HTTP Basic" }, { "www-authenticate": "Basic" });
  }
  return server.exchange(request);
}

async function readMe(server: AuthorizationServer, request: WireRequest): Promise<Answer> {
  const token = await findToken(server, request);
  if (!token) return refuseToken();
  if (token.scopes.includes("read")) return json(200, { id: token.sub, email: token.email });
  return json(403, { error: "insufficient_scope" }, { "www-authenticate": 'Bearer error="insufficient_scope"' });
}

/** Says what arrived: what a proxy sends on, and what it passes back. */
async function readEcho(server: AuthorizationServer, request: WireRequest): Promise<Answer> {
  return (await findToken(server, request)) ? echo(request) : refuseToken();
}

async function findToken(server: AuthorizationServer, request: WireRequest) {
  const bearer = readBearer(request);
  return bearer === null ? null : await server.findAccessToken(bearer);
}

function refuseToken(): Answer {
  return json(401, { error: "invalid_token" }, { "www-authenticate": 'Bearer error="invalid_token"' });
}
