import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { SandboxContext, SandboxProvider } from "../provider.ts";
import type { TokenSettings } from "../token-settings.ts";
import { type Answer, json, readBearer, readForm, type WireRequest } from "../wire.ts";

const LOGIN_HOST = "login.microsoftonline.com";
const API_HOST = "management.azure.com";
const SCOPE = "https://management.azure.com/.default";
const TENANT_ID = "7f3c1a52-0d4e-4b8a-9c61-2e5d8f70a1b3";
const CLIENT_ID = "c2a9e4d7-5b13-4f60-8d2e-91b7a3c5f804";
/** An application nobody has given a role: it sees no subscription. */
const POWERLESS_ID = "d3bafe58-6c24-4a71-9e3f-a2c8b4d6e915";
const TOKEN_PATH = /^\/([^/]+)\/oauth2\/v2\.0\/token$/;

const SUBSCRIPTIONS = [
  { id: "5a1d7c90-3e2b-4f84-a6c5-0b9e8d7f6a51", name: "Sandbox Production", state: "Enabled" },
  { id: "6b2e8da1-4f3c-4095-b7d6-1caf9e807b62", name: "Sandbox Staging", state: "Enabled" },
  { id: "7c3f9eb2-5040-41a6-88e7-2db0af918c73", name: "Sandbox Closed", state: "Disabled" },
];

/**
 * Microsoft Entra client credentials, and the subscriptions they see.
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 */
export function createAzure(context: SandboxContext): SandboxProvider {
  const clientSecret = context.secret("azure-client-secret", () => `Sbx8Q~${randomBytes(25).toString("base64url")}`);
  const settings = context.tokenSettings({ provider: "azure", expires_in: 3599, rotate: false, grace_seconds: 0 });
  return {
    id: "azure",
    origins: [`https://${LOGIN_HOST}`, `https://${API_HOST}`],
    settings: {},
    credentials: () => ({ tenant_id: TENANT_ID, client_id: CLIENT_ID, client_secret: clientSecret }),
    refusedCredentials: () => ({ tenant_id: TENANT_ID, client_id: POWERLESS_ID, client_secret: clientSecret }),
    routes: [
      {
        method: "POST",
        host: LOGIN_HOST,
        path: TOKEN_PATH,
        endpoint: "token",
        handle: (request) => refuseTokenRequest(request, clientSecret) ?? issueToken(context, request, settings()),
      },
      {
        method: "GET",
        host: API_HOST,
        path: "/subscriptions",
        endpoint: "api",
        handle: (request) => listSubscriptions(context, request),
      },
    ],
  };
}

/** Checks in Entra's order: the tenant, the grant, the application, its secret, the scope. */
function refuseTokenRequest(request: WireRequest, clientSecret: string): Answer | null {
  const tenant = TOKEN_PATH.exec(request.path)?.[1] ?? "";
  if (tenant.toLowerCase() !== TENANT_ID) {
    const detail = `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID.`;
    return refuse(400, "invalid_request", 90002, detail);
  }
  const form = readForm(request) ?? new URLSearchParams();
  const missing = ["grant_type", "client_id", "scope"].find((name) => !form.get(name));
  if (missing) {
    const detail = `The request body must contain the following parameter: '${missing}'.`;
    return refuse(400, "invalid_request", 900144, detail);
  }
  const grantType = form.get("grant_type");
  if (grantType !== "client_credentials") {
    return refuse(400, "unsupported_grant_type", 70003, `The app requested an unsupported grant type '${grantType}'.`);
  }
  return refuseClient(form, clientSecret) ?? refuseScope(form.get("scope") ?? "");
}

function refuseClient(form: URLSearchParams, clientSecret: string): Answer | null {
  const clientId = form.get("client_id") ?? "";
  if (![CLIENT_ID, POWERLESS_ID].includes(clientId.toLowerCase())) {
    const detail = `Application with identifier '${clientId}' was not found in the directory 'Sandbox'.`;
    return refuse(400, "unauthorized_client", 700016, detail);
  }
  const secret = form.get("client_secret");
  if (secret === clientSecret) return null;
  if (!secret) {
    const detail = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
    return refuse(401, "invalid_client", 7000218, detail);
  }
  const detail =
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.";
  return refuse(401, "invalid_client", 7000215, detail);
}

function refuseScope(scope: string): Answer | null {
  if (scope === SCOPE) return null;
  const detail = `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.`;
  return refuse(400, "invalid_scope", 1002012, detail);
}

function issueToken({ state, now }: SandboxContext, request: WireRequest, settings: TokenSettings): Answer {
  const token = `eyJ0eXAiOiJKV1Qi.${randomBytes(300).toString("base64url")}.${randomBytes(128).toString("base64url")}`;
  const clientId = readForm(request)?.get("client_id")?.toLowerCase();
  state.set(keyOf(token), clientId, now() + settings.expires_in * 1000);
  const { expires_in } = settings;
  return json(200, { token_type: "Bearer", expires_in, ext_expires_in: expires_in, access_token: token });
}

/** @see https://learn.microsoft.com/rest/api/resources/subscriptions/list */
function listSubscriptions({ state }: SandboxContext, request: WireRequest): Answer {
  const bearer = readBearer(request);
  const challenge = { "www-authenticate": `Bearer authorization_uri="https://login.microsoftonline.com/${TENANT_ID}"` };
  if (!bearer) {
    return refuseApi(
      401,
      "AuthenticationFailed",
      "Authentication failed. The 'Authorization' header is missing.",
      challenge,
    );
  }
  const clientId = state.get(keyOf(bearer));
  if (clientId === null) {
    return refuseApi(
      401,
      "ExpiredAuthenticationToken",
      "The access token expiry has passed or it is invalid.",
      challenge,
    );
  }
  const version = request.query.get("api-version");
  if (!version) {
    return refuseApi(
      400,
      "MissingApiVersionParameter",
      "The api-version query parameter (?api-version=) is required for all requests.",
    );
  }
  if (!/^20(1[4-9]|2[0-9])-\d{2}-\d{2}(-preview)?$/.test(version)) {
    return refuseApi(400, "InvalidApiVersionParameter", `The api-version '${version}' is invalid.`);
  }
  const seen = clientId === POWERLESS_ID ? [] : SUBSCRIPTIONS;
  const value = seen.map(({ id, name, state }) => ({
    id: `/subscriptions/${id}`,
    authorizationSource: "RoleBased",
    subscriptionId: id,
    tenantId: TENANT_ID,
    displayName: name,
    state,
  }));
  return json(200, { value, count: { type: "Total", value: value.length } });
}

function refuse(status: number, error: string, code: number, detail: string): Answer {
  const [trace_id, correlation_id] = [randomUUID(), randomUUID()];
  const timestamp = new Date().toISOString().replace("T", " ").replace(/\.\d+/, "");
  const error_description = `AADSTS${code}: ${detail} Trace ID: ${trace_id} Correlation ID: ${correlation_id} Timestamp: ${timestamp}`;
  const error_uri = `https://login.microsoftonline.com/error?code=${code}`;
  return json(status, {
    error,
    error_description,
    error_codes: [code],
    timestamp,
    trace_id,
    correlation_id,
    error_uri,
  });
}

function refuseApi(status: number, code: string, message: string, headers: Record<string, string> = {}): Answer {
  return json(status, { error: { code, message } }, headers);
}

/** A digest: keys of the state are listed in memory and need not be the token itself. */
function keyOf(token: string): string {
  return `azure/token/${createHash("sha256").update(token).digest("base64url")}`;
}
