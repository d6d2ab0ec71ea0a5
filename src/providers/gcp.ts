import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { readText } from "../domain/json.ts";
import { alsoByKey } from "./also-by-key.ts";
import { authorizationCode, type Identity } from "./authorization-code.ts";
import { connectByKey, refreshByKey, serviceAccountJson } from "./gcp-service-account.ts";
import type { OAuthClient } from "./oauth2.ts";
import { bearerRequest, probe } from "./probe.ts";
import type { Provider, ProviderContext } from "./provider.ts";
import type { TokenAnswer } from "./token-answer.ts";

const NAME = "Google Cloud";
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
  callbackPath: "/gcp/callback",
  registration: {
    client: ["GCP_CLIENT_ID", "GCP_CLIENT_SECRET"],
    clientAuth: "client_secret_post",
    authorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
    tokenEndpoint: "https://oauth2.googleapis.com/token",
    issuer: "https://accounts.google.com",
  },
  // Google gives a refresh token for offline access only, and a second time only after a new consent.
  authorizeParameters: { access_type: "offline", prompt: "consent" },
  needsRefreshToken: true,
  // Takes `token` in a form without client authentication, and ends the grant of this user and client everywhere.
  revocation: { endpoint: "https://oauth2.googleapis.com/revoke", withSecret: false },
  identify,
});

/**
 * By consent, or by a service account's key.
 *
 * Over sixty lines: its hosts and scopes are many.
 *
 * @see https://developers.google.com/identity/protocols/oauth2/web-server
 */
export const gcp: Provider = {
  ...alsoByKey(consent, {
    credentials,
    connect: (raw, context) => connectByKey(credentials.parse(raw).service_account_json, context),
    refresh: refreshByKey,
  }),
  afterConnect: "gcp_setup",
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
