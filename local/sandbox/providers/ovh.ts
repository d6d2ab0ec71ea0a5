import { randomBytes } from "node:crypto";
import { type AuthorizationServer, createAuthorizationServer } from "../oidc/authorization-server.ts";
import type { Route, SandboxContext, SandboxProvider } from "../provider.ts";
import type { TokenSettings } from "../token-settings.ts";
import { type Answer, json, readBearer, readForm, type WireRequest } from "../wire.ts";
import { createIssuedTokens } from "./issued-tokens.ts";

const REGIONS = [
  { name: "EU", host: "www.ovh.com", apiHost: "eu.api.ovh.com" },
  { name: "CA", host: "ca.ovh.com", apiHost: "ca.api.ovh.com" },
  { name: "US", host: "us.ovhcloud.com", apiHost: "api.us.ovhcloud.com" },
] as const;
const AUTHORIZE = "/auth/oauth2/authorize";
const SCOPES = ["all", "openid", "profile", "email"];
/** Service accounts: the second may not read the account it belongs to. */
const POWERFUL = "EU.0f0f0f0f0f0f0f0f";
const POWERLESS = "EU.1e1e1e1e1e1e1e1e";

/**
 * OVHcloud's three regions: OAuth for applications, and service accounts in Europe. A region knows only its own clients.
 * @see https://support.us.ovhcloud.com/hc/en-us/articles/19901571606547
 */
export function createOvh(context: SandboxContext): SandboxProvider {
  const settings = context.tokenSettings({ provider: "ovh", expires_in: 3599, rotate: true, grace_seconds: 0 });
  const serviceSecret = context.secret("ovh-service-secret", () => randomBytes(24).toString("hex"));
  const regions = REGIONS.map((region) => createRegion(context, region, settings, serviceSecret));
  return {
    id: "ovh",
    origins: REGIONS.flatMap(({ host, apiHost }) => [`https://${host}`, `https://${apiHost}`]),
    settings: Object.assign({}, ...regions.map((region) => region.settings)),
    credentials: () => ({ consent: true, emails: ["demo@example.com", "second@example.com"] }),
    keyCredentials: () => ({ endpoint: "ovh-eu", client_id: POWERFUL, client_secret: serviceSecret }),
    refusedCredentials: () => ({ endpoint: "ovh-eu", client_id: POWERLESS, client_secret: serviceSecret }),
    routes: regions.flatMap((region) => region.routes),
  };
}

function createRegion(
  context: SandboxContext,
  { name, host, apiHost }: (typeof REGIONS)[number],
  settings: () => TokenSettings,
  serviceSecret: string,
): Pick<SandboxProvider, "settings" | "routes"> {
  const clientId = `${name}.sandbox`;
  const clientSecret = context.secret(`ovh-${name}-client-secret`, () => randomBytes(24).toString("hex"));
  const server = createAuthorizationServer(
    context,
    {
      id: `ovh_${name.toLowerCase()}`,
      providerName: `OVHcloud ${name}`,
      issuer: `https://${host}`,
      client: { id: clientId, secret: clientSecret, authMethod: "client_secret_post" },
      paths: { authorization: AUTHORIZE, token: "/auth/oauth2/token", revocation: "/_unused" },
      scopes: SCOPES,
      claims: { openid: ["sub"] },
      extraParams: [],
      prefixes: {
        accessToken: `ovh_${name.toLowerCase()}_at_`,
        refreshToken: `ovh_${name.toLowerCase()}_rt_`,
        code: "",
      },
      isOffline: () => true,
    },
    settings,
  );
  const issued = createIssuedTokens(context, `ovh_${name.toLowerCase()}`);
  const mint = (form: URLSearchParams) =>
    refuseServiceAccount(form, name === "EU" ? serviceSecret : null) ??
    json(200, {
      access_token: issued.issue("eyJhbGciOiJFZERTQSJ9.", form.get("client_id") ?? "", settings().expires_in),
      token_type: "Bearer",
      expires_in: settings().expires_in,
      scope: "all",
    });
  const page = { host, endpoint: null };
  const routes: Route[] = [
    { ...page, method: "GET", path: AUTHORIZE, endpoint: "authorize", handle: (request) => authorize(server, request) },
    { ...page, method: "GET", path: /^\/auth\/oauth2\/authorize\/[\w-]+$/, handle: server.authorize },
    { ...page, method: "GET", path: /^\/_consent\/[\w-]+$/, handle: server.consent },
    { ...page, method: "POST", path: /^\/_consent\/[\w-]+$/, handle: server.consent },
    {
      ...page,
      method: "POST",
      path: "/auth/oauth2/token",
      endpoint: "token",
      handle(request) {
        const form = readForm(request);
        return form?.get("grant_type") === "client_credentials" ? mint(form) : server.exchange(request);
      },
    },
    {
      method: "GET",
      host: apiHost,
      path: "/1.0/me",
      endpoint: "api",
      async handle(request) {
        const bearer = readBearer(request);
        const account = issued.find(bearer) ?? (bearer === null ? null : (await server.findAccessToken(bearer))?.sub);
        return readMe(account ?? null);
      },
    },
  ];
  return {
    settings: { [`OVH_${name}_CLIENT_ID`]: clientId, [`OVH_${name}_CLIENT_SECRET`]: clientSecret },
    routes,
  };
}

/** oidc-provider passes over scopes it does not know; RFC 6749 section 4.1.2.1 has them refused. */
function authorize(server: AuthorizationServer, request: WireRequest): Promise<Answer> {
  const scopes = request.query.get("scope")?.split(" ") ?? [];
  if (scopes.length > 0 && scopes.every((scope) => SCOPES.includes(scope))) return server.authorize(request);
  const query = new URLSearchParams(request.query);
  // A character no scope may hold makes the server answer invalid_scope its own way, to a checked redirect URI only.
  query.set("scope", "\\");
  return server.authorize({ ...request, query });
}

function refuseServiceAccount(form: URLSearchParams, secret: string | null): Answer | null {
  const isKnown = [POWERFUL, POWERLESS].includes(form.get("client_id") ?? "");
  if (secret === null || !isKnown || form.get("client_secret") !== secret) {
    return json(401, { error: "invalid_client", error_description: "Client authentication failed" });
  }
  return form.get("scope") === "all" ? null : json(400, { error: "invalid_scope" });
}

function readMe(account: string | null): Answer {
  if (account === null) return json(401, { class: "Client::Unauthorized", message: "You must login first" });
  if (account === POWERLESS) {
    return json(403, {
      class: "Client::Forbidden::UnauthorizedIAM",
      message: "User not authorized: account:apiovh:me/get",
    });
  }
  const digits = account === POWERFUL ? "100001" : account.slice(-6);
  return json(200, { nichandle: `sb${digits}-ovh`, email: "demo@example.com", state: "complete", country: "FR" });
}
