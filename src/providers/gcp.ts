import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { readText } from "../domain/json.ts";
import { authorizationCode, type Identity, STORABLE_TOKENS } from "./authorization-code.ts";
import { connectByKey, isKeySecret, refreshByKey, serviceAccountJson } from "./gcp-service-account.ts";
import type { OAuthClient } from "./oauth2.ts";
import { bearerRequest, probe } from "./probe.ts";
import type { Provider, ProviderContext } from "./provider.ts";
import { requireSetting } from "./settings.ts";
import type { TokenAnswer } from "./token-answer.ts";

const NAME = "Google Cloud";
const CLIENT_SETTINGS = ["GCP_CLIENT_ID", "GCP_CLIENT_SECRET"];
const credentials = z.strictObject({ service_account_json: serviceAccountJson });

const consent = authorizationCode({
  id: "gcp",
  name: NAME,
  docsUrl: "https://developers.google.com/identity/protocols/oauth2/web-server",
  apiHosts: [
    ...["cloudresourcemanager.googleapis.com", "compute.googleapis.com", "storage.googleapis.com"],
    ...["container.googleapis.com", "run.googleapis.com", "iam.googleapis.com", "iamcredentials.googleapis.com"],
    ...["logging.googleapis.com", "monitoring.googleapis.com", "bigquery.googleapis.com", "pubsub.googleapis.com"],
    ...["serviceusage.googleapis.com", "cloudbilling.googleapis.com", "sqladmin.googleapis.com"],
  ],
  // The first three as the seed names them (docs/decisions/gcp-scopes.md); the last two tell whose account it is.
  scopes: [
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/compute",
    "https://www.googleapis.com/auth/cloudresourcemanager",
    "openid",
    "email",
  ],
  settings: [],
  consentSettings: () => CLIENT_SETTINGS,
  optionalSettings: CLIENT_SETTINGS,
  callbackPath: "/gcp/callback",
  authorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
  // Google gives a refresh token for offline access only, and a second time only after a new consent.
  authorizeParameters: { access_type: "offline", prompt: "consent" },
  client: (settings) => ({
    name: NAME,
    clientId: requireSetting(settings, "GCP_CLIENT_ID"),
    clientSecret: requireSetting(settings, "GCP_CLIENT_SECRET"),
    clientAuth: "client_secret_post",
    tokenEndpoint: "https://oauth2.googleapis.com/token",
    issuer: "https://accounts.google.com",
  }),
  needsRefreshToken: true,
  // Takes `token` in a form without client authentication, and ends the grant of this user and client everywhere.
  revocation: { endpoint: "https://oauth2.googleapis.com/revoke", withSecret: false },
  identify,
});

/** By consent, or by a service account's key. @see https://developers.google.com/identity/protocols/oauth2/web-server */
export const gcp: Provider = {
  ...consent,
  credentials,
  afterConnect: "gcp_setup",
  storable: STORABLE_TOKENS.extend({
    access_token: z.string().min(1).optional(),
    service_account_json: serviceAccountJson.optional(),
  }).refine((secret) => secret.access_token !== undefined || secret.service_account_json !== undefined, {
    path: ["access_token"],
    message: "is needed, or service_account_json",
  }),
  connect: (raw, context) => connectByKey(credentials.parse(raw).service_account_json, context),
  isStatic: (secret) => !isKeySecret(secret) && consent.isStatic?.(secret) === true,
  refresh: async (secret, context) =>
    (isKeySecret(secret) ? refreshByKey : consent.refresh)?.(secret, context) ?? secret,
  // A key is Google's to delete, by whoever made it; its tokens end within the hour.
  revoke: async (secret, context) => (isKeySecret(secret) ? undefined : consent.revoke?.(secret, context)),
};

/** @see https://developers.google.com/identity/openid-connect/openid-connect#obtaininguserprofileinformation */
async function identify(
  { accessToken }: TokenAnswer,
  client: OAuthClient,
  context: ProviderContext,
): Promise<Identity> {
  const url = "https://openidconnect.googleapis.com/v1/userinfo";
  const user = await probe(NAME, bearerRequest(url, accessToken), context);
  const [subject, email] = [readText(user, "sub"), readText(user, "email")];
  if (subject === null || email === null) {
    throw new AppError("provider_rejected", `${NAME} did not say whose account this is. Allow the email address too.`);
  }
  // A revocation ends what this user granted this client, in every workspace.
  return { account: email, upstreamAccount: `${client.clientId}:${subject}` };
}
