import { AppError, isAppError } from "../domain/errors.ts";
import { type JsonObject, readText } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { authorizationCode, type Identity } from "./authorization-code.ts";
import type { OAuthClient } from "./oauth2.ts";
import { probe } from "./probe.ts";
import type { Provider, ProviderContext } from "./provider.ts";
import { requireSetting } from "./settings.ts";
import { SLACK_ERRORS, SLACK_SENTENCES } from "./slack-errors.ts";
import type { TokenAnswer } from "./token-answer.ts";

const NAME = "Slack";
/** Said of a token that has ended already: nothing is left to revoke. */
const ENDED = ["account_inactive", "invalid_auth", "token_revoked"];

const flow = authorizationCode({
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
  settings: ["SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"],
  callbackPath: "/slack/callback",
  authorizationEndpoint: "https://slack.com/oauth/v2/authorize",
  client: (settings) => ({
    name: NAME,
    clientId: requireSetting(settings, "SLACK_CLIENT_ID"),
    clientSecret: requireSetting(settings, "SLACK_CLIENT_SECRET"),
    // Basic would percent-encode the dot every client id of Slack's has.
    clientAuth: "client_secret_post",
    tokenEndpoint: "https://slack.com/api/oauth.v2.access",
    issuer: null,
    // `pkce_not_allowed`, unless the app gave up its secret for good: https://docs.slack.dev/authentication/using-pkce
    refusesPkce: true,
    errors: SLACK_ERRORS,
  }),
  tokenType: "Bearer",
  identify,
});

/** Rotating tokens (12 hours, single-use refresh tokens) and static ones, as the app is set at Slack. @see https://docs.slack.dev/authentication/using-token-rotation */
export const slack: Provider = { ...flow, revoke };

/** @see https://docs.slack.dev/reference/methods/auth.test */
async function identify(
  { accessToken }: TokenAnswer,
  client: OAuthClient,
  context: ProviderContext,
): Promise<Identity> {
  const answer = await call("auth.test", accessToken, context);
  const refusal = answer["ok"] === true ? null : describeRefusal(answer);
  if (refusal !== null) throw refusal;
  const [team, url] = [readText(answer, "team_id"), readText(answer, "url")];
  if (team === null) throw new AppError("provider_rejected", `${NAME} did not say whose token this is.`);
  const metadata = { team_name: readText(answer, "team"), team_url: url, user_id: readText(answer, "user_id") };
  // One bot per app and workspace: a revocation ends it for whoever installed it.
  return { account: team, upstreamAccount: `${client.clientId}:${team}`, metadata };
}

/** @see https://docs.slack.dev/reference/methods/auth.revoke */
async function revoke(secret: SecretData, context: ProviderContext): Promise<void> {
  const token = readText(secret, "access_token");
  const answer = token === null ? { ok: true } : await call("auth.revoke", token, context);
  if (answer["ok"] === true || ENDED.includes(String(answer["error"]))) return;
  // An expired token revokes nothing; a fresh one of the same grant does.
  if (answer["error"] !== "token_expired" || flow.refresh === null) throw describeRefusal(answer);
  try {
    await revoke(await flow.refresh(secret, context), context);
  } catch (error) {
    if (!isAppError(error) || error.code !== "reauth_required") throw error;
  }
}

function call(method: string, token: string, context: ProviderContext): Promise<JsonObject> {
  const headers = { accept: "application/json", authorization: `Bearer ${token}` };
  return probe(NAME, new Request(`https://slack.com/api/${method}`, { method: "POST", headers }), context);
}

/** `ok: false` in a 200. */
function describeRefusal(answer: JsonObject): AppError {
  const error = readText(answer, "error") ?? "";
  const isTemporary = readText(SLACK_ERRORS, error) === "temporarily_unavailable";
  if (isTemporary) return new AppError("provider_unavailable", `${NAME} gave no usable answer.`);
  return new AppError("provider_rejected", readText(SLACK_SENTENCES, error) ?? `${NAME} refused the request.`);
}
