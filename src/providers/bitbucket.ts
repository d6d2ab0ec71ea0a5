import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { type JsonObject, readText } from "../domain/json.ts";
import { alsoByKey } from "./also-by-key.ts";
import { authorizationCode, type Identity } from "./authorization-code.ts";
import { API_TOKEN_SCOPES, OAUTH_SCOPES } from "./bitbucket-scopes.ts";
import { bearerRequest, probeWithHeaders } from "./probe.ts";
import { splitScopes } from "./token-answer.ts";
import { word } from "./word.ts";

const NAME = "Bitbucket";
const USER = "https://api.bitbucket.org/2.0/user";
const REFUSALS = { 403: `${NAME} does not let this credential read its account: give it the scope for that.` };

const credentials = z.strictObject({
  email: z.string().regex(/^[\x21-\x39\x3b-\x7e]{1,254}$/, "must be an email address"),
  api_token: word,
});

/** @see https://developer.atlassian.com/cloud/bitbucket/oauth-2/ */
const consent = authorizationCode({
  id: "bitbucket",
  name: NAME,
  docsUrl: "https://developer.atlassian.com/cloud/bitbucket/oauth-2/",
  apiHosts: ["api.bitbucket.org"],
  scopes: OAUTH_SCOPES,
  callbackPath: "/bitbucket/callback",
  registration: {
    client: ["BITBUCKET_CLIENT_ID", "BITBUCKET_CLIENT_SECRET"],
    clientAuth: "client_secret_basic",
    authorizationEndpoint: "https://bitbucket.org/site/oauth2/authorize",
    tokenEndpoint: "https://bitbucket.org/site/oauth2/access_token",
  },
  identify: async ({ accessToken, scope }, _client, context) => {
    const { body } = await probeWithHeaders(NAME, bearerRequest(USER, accessToken), context, REFUSALS);
    return describeUser(body, scope === null ? OAUTH_SCOPES : splitScopes(scope), OAUTH_SCOPES, "oauth");
  },
});

/**
 * By its consent page, or by an API token, which is never renewed.
 *
 * Over sixty lines: it is connected in two ways, each with scopes of its own.
 */
export const bitbucket = alsoByKey(consent, {
  credentials,
  exposes: ["email", "api_token"],
  inject: [
    { kind: "basic", user: "email", password: "api_token" },
    { kind: "bearer", field: "access_token" },
  ],
  /** @see https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens/ */
  async connect(raw, context) {
    const given = credentials.parse(raw);
    const headers = { accept: "application/json", authorization: `Basic ${btoa(`${given.email}:${given.api_token}`)}` };
    const answer = await probeWithHeaders(NAME, new Request(USER, { headers }), context, REFUSALS);
    const scopes = splitScopes(answer.headers.get("x-oauth-scopes") ?? "", /[ ,]+/);
    return { secret: given, scopes, ...describeUser(answer.body, scopes, API_TOKEN_SCOPES, "api_token") };
  },
  refresh: null,
});

function describeUser(user: JsonObject, granted: readonly string[], wanted: readonly string[], type: string): Identity {
  const account = readText(user, "username") ?? readText(user, "account_id");
  if (account === null) throw new AppError("provider_rejected", `${NAME} did not say whose account this is.`);
  const missing = wanted.filter((scope) => !granted.includes(scope));
  const metadata = { auth_type: type, display_name: readText(user, "display_name") };
  return {
    account,
    upstreamAccount: null,
    metadata: { ...metadata, ...(missing.length > 0 && { missing_scopes: missing }) },
  };
}
