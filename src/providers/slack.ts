import { AppError, isAppError } from "../domain/errors.ts";
import { type JsonObject, readText } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { authorizationCode, type Identity } from "./authorization-code.ts";
import { allMean, type BodyErrors, describeBodyError, readBodyError } from "./errors-in-body.ts";
import type { OAuthClient } from "./oauth2.ts";
import { bearerRequest, probe } from "./probe.ts";
import type { Provider, ProviderContext } from "./provider.ts";
import type { TokenAnswer } from "./token-answer.ts";

const NAME = "Slack";
/** Said of a token that has ended already: nothing is left to revoke. */
const ENDED = ["account_inactive", "invalid_auth", "token_revoked"];
/** @see https://docs.slack.dev/reference/methods/oauth.v2.access and https://docs.slack.dev/reference/methods/auth.test */
const ERRORS: BodyErrors = {
  name: NAME,
  meanings: {
    ...allMean("invalid_grant", ["invalid_code", "code_already_used", "invalid_refresh_token"]),
    ...allMean("invalid_grant", ["token_revoked", "token_expired", "account_inactive"]),
    ...allMean("invalid_client", ["invalid_client_id", "bad_client_secret"]),
    ...allMean("temporarily_unavailable", ["internal_error", "fatal_error", "service_unavailable"]),
    ...allMean("temporarily_unavailable", ["request_timeout", "ratelimited"]),
  },
  sentences: {
    account_inactive: "Slack says this token belongs to a user or workspace that is no longer there.",
    access_denied: "Slack does not let this token in.",
    invalid_auth: "Slack does not accept this token.",
    not_authed: "Slack does not accept this token.",
    missing_scope: "Slack says this token lacks a scope it needs.",
    no_permission: "Slack knows this token but does not give it the permission it needs.",
    org_login_required: "Slack is moving this workspace at the moment; try again later.",
    token_expired: "Slack says this token has expired.",
    token_revoked: "Slack says this token was revoked.",
  },
};

const consent = authorizationCode({
  id: "slack",
  name: NAME,
  docsUrl: "https://docs.slack.dev/authentication/installing-with-oauth",
  apiHosts: ["slack.com"],
  scopes: [
    ...["app_mentions:read", "chat:write", "channels:join", "channels:manage", "channels:read", "channels:history"],
    ...["groups:read", "groups:history", "groups:write", "im:write", "im:history", "mpim:write", "mpim:history"],
    ...["users:read", "users:read.email"],
  ],
  scopeSeparator: ",",
  callbackPath: "/slack/callback",
  registration: {
    client: ["SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"],
    // Basic would percent-encode the dot every client id of Slack's has.
    clientAuth: "client_secret_post",
    authorizationEndpoint: "https://slack.com/oauth/v2/authorize",
    tokenEndpoint: "https://slack.com/api/oauth.v2.access",
    // `pkce_not_allowed`, unless the app gave up its secret for good: https://docs.slack.dev/authentication/using-pkce
    refusesPkce: true,
    errors: ERRORS.meanings,
  },
  tokenType: "Bearer",
  identify,
});

/**
 * Rotating tokens (12 hours, single-use refresh tokens) and static ones, as the app is set at Slack.
 *
 * Over sixty lines: error codes of Slack's own, and a revocation that needs a live token.
 *
 * @see https://docs.slack.dev/authentication/using-token-rotation
 */
export const slack: Provider = { ...consent, revoke };

/** @see https://docs.slack.dev/reference/methods/auth.test */
async function identify(tokens: TokenAnswer, client: OAuthClient, context: ProviderContext): Promise<Identity> {
  const answer = await call("auth.test", tokens.accessToken, context);
  const error = readBodyError(answer);
  if (error !== null) throw describeBodyError(ERRORS, error);
  const [team, url] = [readText(answer, "team_id"), readText(answer, "url")];
  if (team === null) throw new AppError("provider_rejected", `${NAME} did not say whose token this is.`);
  const metadata = { team_name: readText(answer, "team"), team_url: url, user_id: readText(answer, "user_id") };
  // One bot per app and workspace: a revocation ends it for whoever installed it.
  return { account: team, upstreamAccount: `${client.clientId}:${team}`, metadata };
}

/** @see https://docs.slack.dev/reference/methods/auth.revoke */
async function revoke(secret: SecretData, context: ProviderContext): Promise<void> {
  const token = readText(secret, "access_token");
  const error = token === null ? null : readBodyError(await call("auth.revoke", token, context));
  if (error === null || ENDED.includes(error)) return;
  // An expired token revokes nothing; a fresh one of the same grant does.
  if (error !== "token_expired" || consent.refresh === null) throw describeBodyError(ERRORS, error);
  try {
    await revoke(await consent.refresh(secret, context), context);
  } catch (failure) {
    if (!isAppError(failure) || failure.code !== "reauth_required") throw failure;
  }
}

function call(method: string, token: string, context: ProviderContext): Promise<JsonObject> {
  return probe(NAME, bearerRequest(`https://slack.com/api/${method}`, token, "POST"), context);
}
