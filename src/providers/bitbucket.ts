import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { type JsonObject, readText } from "../domain/json.ts";
import { authorizationCode, type Identity, STORABLE_TOKENS } from "./authorization-code.ts";
import { API_TOKEN_SCOPES, OAUTH_SCOPES } from "./bitbucket-scopes.ts";
import { bearerRequest, probeWithHeaders } from "./probe.ts";
import type { Acquired, Provider, ProviderContext } from "./provider.ts";
import { requireSetting } from "./settings.ts";

const NAME = "Bitbucket";
const USER = "https://api.bitbucket.org/2.0/user";
const SETTINGS = ["BITBUCKET_CLIENT_ID", "BITBUCKET_CLIENT_SECRET"] as const;
const REFUSALS = { 403: `${NAME} does not let this credential read its account: give it the scope for that.` };

const credentials = z.strictObject({
  email: z.string().regex(/^[\x21-\x39\x3b-\x7e]{1,254}$/, "must be an email address"),
  api_token: z.string().regex(/^[\x21-\x7e]{1,1024}$/, "must be one word of printable characters"),
});

/** @see https://developer.atlassian.com/cloud/bitbucket/oauth-2/ */
const flow = authorizationCode({
  id: "bitbucket",
  name: NAME,
  docsUrl: "https://developer.atlassian.com/cloud/bitbucket/oauth-2/",
  apiHosts: ["api.bitbucket.org"],
  scopes: OAUTH_SCOPES,
  settings: [],
  optionalSettings: SETTINGS,
  consentSettings: () => SETTINGS,
  callbackPath: "/bitbucket/callback",
  authorizationEndpoint: "https://bitbucket.org/site/oauth2/authorize",
  client: (settings) => ({
    name: NAME,
    clientId: requireSetting(settings, "BITBUCKET_CLIENT_ID"),
    clientSecret: requireSetting(settings, "BITBUCKET_CLIENT_SECRET"),
    clientAuth: "client_secret_basic",
    tokenEndpoint: "https://bitbucket.org/site/oauth2/access_token",
    issuer: null,
  }),
  identify: async ({ accessToken, scope }, _client, context) => {
    const { body } = await probeWithHeaders(NAME, bearerRequest(USER, accessToken), context, REFUSALS);
    return describeUser(body, scope?.split(" ") ?? OAUTH_SCOPES, OAUTH_SCOPES, "oauth");
  },
});

/** By its consent page, or by an API token, which is never renewed. */
export const bitbucket: Provider = {
  ...flow,
  credentials,
  exposes: [...flow.exposes, "email", "api_token"],
  inject: [
    { kind: "basic", user: "email", password: "api_token" },
    { kind: "bearer", field: "access_token" },
  ],
  storable: z
    .looseObject({
      ...STORABLE_TOKENS.shape,
      ...credentials.partial().shape,
      access_token: z.string().min(1).optional(),
    })
    .refine(({ access_token, email, api_token }) => access_token !== undefined || (email && api_token) !== undefined, {
      message: "needs an access_token, or an email and an api_token",
      path: ["access_token"],
    }),
  isStatic: (secret) => readText(secret, "api_token") !== null || flow.isStatic?.(secret) === true,
  connect: (raw, context) => connect(credentials.parse(raw), context),
};

/** @see https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens/ */
async function connect(given: z.output<typeof credentials>, context: ProviderContext): Promise<Acquired> {
  const headers = { accept: "application/json", authorization: `Basic ${btoa(`${given.email}:${given.api_token}`)}` };
  const answer = await probeWithHeaders(NAME, new Request(USER, { headers }), context, REFUSALS);
  const scopes =
    answer.headers
      .get("x-oauth-scopes")
      ?.split(/[ ,]+/)
      .filter((scope) => scope !== "") ?? [];
  return { secret: given, scopes, ...describeUser(answer.body, scopes, API_TOKEN_SCOPES, "api_token") };
}

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
