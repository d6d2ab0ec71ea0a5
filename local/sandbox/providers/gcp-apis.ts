import type { AuthorizationServer, IssuedToken } from "../oidc/authorization-server.ts";
import type { Route } from "../provider.ts";
import { type Answer, json, readBearer, type WireRequest } from "../wire.ts";

const SCOPE = "https://www.googleapis.com/auth";
const EMAIL_SCOPES = ["email", `${SCOPE}/userinfo.email`];

/** What tells whose token it is. */
export function createGcpApis(server: AuthorizationServer): Route[] {
  return [
    {
      method: "GET",
      host: "openidconnect.googleapis.com",
      path: "/v1/userinfo",
      endpoint: "api",
      handle: async (request) => readUserinfo(await findToken(server, request)),
    },
  ];
}

/** @see https://developers.google.com/identity/openid-connect/openid-connect#obtaininguserprofileinformation */
function readUserinfo(token: IssuedToken | null): Answer {
  const mayReadEmail = token?.scopes.some((scope) => EMAIL_SCOPES.includes(scope)) ?? false;
  if (!token || !(mayReadEmail || token.scopes.includes("openid"))) {
    const challenge = 'Bearer realm="https://accounts.google.com/", error="invalid_token"';
    const body = { error: "invalid_request", error_description: "Invalid Credentials" };
    return json(401, body, { "www-authenticate": challenge });
  }
  return json(200, { sub: token.sub, ...(mayReadEmail ? { email: token.email, email_verified: true } : {}) });
}

async function findToken(server: AuthorizationServer, request: WireRequest): Promise<IssuedToken | null> {
  const bearer = readBearer(request);
  return bearer === null ? null : server.findAccessToken(bearer);
}
