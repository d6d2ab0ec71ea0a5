import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { readText } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { alsoByKey } from "./also-by-key.ts";
import { authorizationCode, type Identity } from "./authorization-code.ts";
import { clientCredentials, clientPair } from "./client-credentials.ts";
import { ENDPOINTS, endpoint, OVH_REGIONS, regionOf } from "./ovh-regions.ts";
import { bearerRequest, probe } from "./probe.ts";
import type { ProviderContext } from "./provider.ts";

const NAME = "OVHcloud";
const SCOPE = "all";
const REFUSALS = { 403: `${NAME} does not let this account call GET /me: give it the action account:apiovh:me/get.` };

const project_id = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "must be a project's id")
  .exactOptional();
const credentials = z.strictObject({ endpoint, ...clientPair, project_id });

const consent = authorizationCode({
  id: "ovh",
  name: NAME,
  docsUrl:
    "https://help.ovhcloud.com/csm/en-api-service-account-connection?id=kb_article_view&sysparm_article=KB0059343",
  apiHosts: ENDPOINTS.map((name) => OVH_REGIONS[name].apiHost),
  scopes: [SCOPE],
  optionalSettings: ENDPOINTS.flatMap((name) => OVH_REGIONS[name].client),
  // The region decides the hosts, by this list and never by a caller's text.
  options: z.strictObject({ endpoint: endpoint.default("ovh-eu"), project_id }),
  callbackPath: "/ovh_api/ovh/oauth2/callback",
  registration: (chosen) => regionOf(chosen).registration,
  identify: ({ accessToken }, _client, context, choice) => identify(choice, accessToken, context),
});

/** By its consent page, or by a service account (client credentials), in one of three regions. */
export const ovh = {
  ...alsoByKey(consent, {
    credentials,
    exposes: ["endpoint", "project_id"],
    /** @see https://help.ovhcloud.com/csm/en-manage-service-account?id=kb_article_view&sysparm_article=KB0059343 */
    ...clientCredentials({
      ...{ name: NAME, credentials, scope: SCOPE },
      tokenEndpoint: (given) => regionOf(given).registration.tokenEndpoint,
      identify: ({ accessToken }, given, context) => identify(given, accessToken, context),
    }),
  }),
  apiHost: (tokenData: SecretData) => regionOf(tokenData).apiHost,
};

/** An account's name is unique in its region only. @see https://eu.api.ovh.com/console/?section=%2Fme#get-/me */
async function identify(chosen: SecretData, token: string, context: ProviderContext): Promise<Identity> {
  const { apiHost, name } = regionOf(chosen);
  const me = await probe(NAME, bearerRequest(`https://${apiHost}/1.0/me`, token), context, REFUSALS);
  const nichandle = readText(me, "nichandle");
  if (nichandle === null) throw new AppError("provider_rejected", `${NAME} did not say whose account this is.`);
  return { account: `${name}/${nichandle}`, upstreamAccount: null, metadata: { endpoint: name } };
}
