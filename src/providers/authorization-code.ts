import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { readText } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { exchangeCode, type OAuthClient, refreshGrant, revokeToken } from "./oauth2.ts";
import type {
  Acquired,
  AuthorizationFlow,
  CodeExchange,
  ConsentChoice,
  Provider,
  ProviderContext,
} from "./provider.ts";
import { clientOf, type Registrations, registrationOf, settingsOf } from "./registration.ts";
import { splitScopes, type TokenAnswer } from "./token-answer.ts";

/** Whose tokens they are. */
export type Identity = Pick<Acquired, "account" | "upstreamAccount" | "metadata">;

/** Everything that tells one authorization-code provider from another. */
export interface AuthorizationCodeData {
  readonly id: string;
  readonly name: string;
  readonly docsUrl: string;
  readonly apiHosts: readonly string[];
  readonly scopes: readonly string[];
  /** Between scopes, sent and granted. Default: a space, as RFC 6749 has it; some use commas. */
  readonly scopeSeparator?: string;
  readonly callbackPath: string;
  /**
   * Where it depends on what is chosen, none of its settings is needed before there is a choice, and `optionalSettings`
   * names them all.
   */
  readonly registration: Registrations;
  readonly optionalSettings?: readonly string[];
  /** @see AuthorizationFlow.options; what was chosen becomes part of the secret. */
  readonly options?: AuthorizationFlow["options"];
  /** Parameters of the consent page beside the standard ones. */
  readonly authorizeParameters?: Readonly<Record<string, string>>;
  /** What callers send the token as, where the server's `token_type` says something else (Slack: `bot`). */
  readonly tokenType?: string;
  /** True where access without a refresh token is of no use: its absence is a refusal. */
  readonly needsRefreshToken?: boolean;
  readonly revocation?: { readonly endpoint: string; readonly withSecret: boolean };
  /** Asks the provider whose tokens these are; without it the account is `""`. */
  readonly identify?: (
    tokens: TokenAnswer,
    client: OAuthClient,
    context: ProviderContext,
    choice: ConsentChoice,
  ) => Promise<Identity>;
}

/** Tokens as a consent yields them; also what `POST /api/v1/tokens` takes for such a provider. */
export const STORABLE_TOKENS = z.looseObject({
  access_token: z.string().min(1),
  refresh_token: z.string().optional(),
  token_type: z.string().optional(),
  expires_at: z.union([z.number(), z.string()]).optional(),
  scope: z.string().optional(),
});

/** A provider whose consent is given in a browser: authorization code with PKCE S256, refresh by refresh token. */
export function authorizationCode(data: AuthorizationCodeData): Provider {
  const { id, name, docsUrl, apiHosts, scopes, callbackPath, options, registration } = data;
  const isChosen = typeof registration === "function";
  return {
    ...{ id, name, docsUrl, apiHosts, scopes },
    settings: isChosen ? [] : settingsOf(registration),
    kind: "authorization_code",
    exposes: ["access_token", "token_type", "expires_at", "scope"],
    credentials: null,
    storable: STORABLE_TOKENS,
    ...(data.optionalSettings && { optionalSettings: data.optionalSettings }),
    authorization: {
      callbackPath,
      ...(options && { options }),
      ...(isChosen && { settings: (choice) => settingsOf(registration(choice)) }),
      authorizeUrl: (request, context) => createAuthorizeUrl(data, request, context),
      exchange: (exchange, context) => acquire(data, exchange, context),
    },
    connect: null,
    // No end and nothing to renew it with: some servers give such tokens (Slack without rotation, GitHub).
    isStatic: (secret) =>
      readText(secret, "access_token") !== null &&
      readText(secret, "refresh_token") === null &&
      !("expires_at" in secret),
    refresh: (secret, context) => refresh(data, secret, context),
    revoke: data.revocation ? createRevoke(data, data.revocation) : null,
  };
}

/** @see https://www.rfc-editor.org/rfc/rfc7636#section-4.3 */
async function createAuthorizeUrl(
  data: AuthorizationCodeData,
  request: Parameters<NonNullable<Provider["authorization"]>["authorizeUrl"]>[0],
  context: ProviderContext,
): Promise<URL> {
  const { scopeSeparator = " " } = data;
  const { choice = {} } = request;
  const client = clientOf(data, choice, context);
  const { authorizationEndpoint: endpoint } = registrationOf(data.registration, choice);
  const url = new URL(typeof endpoint === "string" ? endpoint : await endpoint(context));
  const parameters = {
    ...data.authorizeParameters,
    response_type: "code",
    client_id: client.clientId,
    redirect_uri: request.redirectUri,
    ...(request.scopes.length > 0 && { scope: request.scopes.join(scopeSeparator) }),
    state: request.state,
    ...(!client.refusesPkce && { code_challenge: request.codeChallenge, code_challenge_method: "S256" }),
  };
  for (const [key, value] of Object.entries(parameters)) url.searchParams.set(key, value);
  return url;
}

async function acquire(
  data: AuthorizationCodeData,
  exchange: CodeExchange,
  context: ProviderContext,
): Promise<Acquired> {
  const { choice = {} } = exchange;
  const client = clientOf(data, choice, context);
  const tokens = await exchangeCode(client, exchange, context);
  if (data.needsRefreshToken && tokens.refreshToken === null) {
    const remedy = `Remove this application from your account at ${data.name}, then connect again`;
    throw new AppError("provider_rejected", `${data.name} gave no lasting access (no refresh token). ${remedy}.`);
  }
  const identity = await data.identify?.(tokens, client, context, choice);
  return {
    secret: mergeTokens(data, choice, tokens),
    account: identity?.account ?? "",
    upstreamAccount: identity?.upstreamAccount ?? null,
    scopes: grantedScopes(data, tokens, exchange),
    ...(identity?.metadata && { metadata: identity.metadata }),
  };
}

/** As granted, which may be less than asked for. */
function grantedScopes(data: AuthorizationCodeData, { scope }: TokenAnswer, exchange: CodeExchange): readonly string[] {
  if (scope === null) return exchange.scopes ?? data.scopes;
  return splitScopes(scope, data.scopeSeparator);
}

async function refresh(data: AuthorizationCodeData, secret: SecretData, context: ProviderContext): Promise<SecretData> {
  const refreshToken = readText(secret, "refresh_token");
  if (refreshToken === null) {
    throw new AppError("reauth_required", `${data.name} gave no refresh token. Connect the account again.`);
  }
  return mergeTokens(data, secret, await refreshGrant(clientOf(data, secret, context), refreshToken, context));
}

/** The stored secret with the answer's tokens in it. A lifetime is the answer's or unknown, never the old one's. */
function mergeTokens({ tokenType }: AuthorizationCodeData, secret: SecretData, tokens: TokenAnswer): SecretData {
  const { expires_at: _expiresAt, expires_in: _expiresIn, ...kept } = secret;
  return {
    ...kept,
    access_token: tokens.accessToken,
    token_type: tokenType ?? tokens.tokenType,
    ...(tokens.refreshToken !== null && { refresh_token: tokens.refreshToken }),
    ...(tokens.expiresAt !== null && { expires_at: tokens.expiresAt }),
    ...(tokens.scope !== null && { scope: tokens.scope }),
  };
}

function createRevoke(
  data: AuthorizationCodeData,
  revocation: NonNullable<AuthorizationCodeData["revocation"]>,
): NonNullable<Provider["revoke"]> {
  return async (secret, context) => {
    // Ending the refresh token ends the grant; an access token alone is the most there is otherwise.
    const token = readText(secret, "refresh_token") ?? readText(secret, "access_token");
    if (token !== null) await revokeToken(clientOf(data, secret, context), revocation, token, context);
  };
}
