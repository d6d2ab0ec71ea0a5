import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { readText } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { authorizationCode, type Identity, STORABLE_TOKENS } from "./authorization-code.ts";
import { clientPair, mintToken, withMinted } from "./client-credentials.ts";
import type { OAuthClient } from "./oauth2.ts";
import { ENDPOINTS, type Endpoint, OVH_REGIONS } from "./ovh-regions.ts";
import { bearerRequest, probe } from "./probe.ts";
import type { Acquired, Provider, ProviderContext } from "./provider.ts";
import { requireSetting } from "./settings.ts";

const NAME = "OVHcloud";
const SCOPE = "all";
const REFUSALS = { 403: `${NAME} does not let this account call GET /me: give it the action account:apiovh:me/get.` };

const endpoint = z.enum(ENDPOINTS);
const project_id = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "must be a project's id")
  .optional();
const credentials = z.strictObject({ endpoint, ...clientPair, project_id });
type ServiceAccount = z.output<typeof credentials>;

const flow = authorizationCode({
  id: "ovh",
  name: NAME,
  docsUrl:
    "https://help.ovhcloud.com/csm/en-api-service-account-connection?id=kb_article_view&sysparm_article=KB0059343",
  apiHosts: ENDPOINTS.map((name) => OVH_REGIONS[name].apiHost),
  scopes: [SCOPE],
  settings: [],
  optionalSettings: ENDPOINTS.flatMap((name) => OVH_REGIONS[name].settings),
  // The region decides the hosts, by this list and never by a caller's text.
  options: z.strictObject({ endpoint: endpoint.default("ovh-eu"), project_id }).transform(withoutAbsent),
  consentSettings: (choice) => OVH_REGIONS[regionOf(choice)].settings,
  callbackPath: "/ovh_api/ovh/oauth2/callback",
  authorizationEndpoint: async (_context, choice) =>
    `https://${OVH_REGIONS[regionOf(choice)].authHost}/auth/oauth2/authorize`,
  client: (settings, chosen) => {
    const [id, secret] = OVH_REGIONS[regionOf(chosen)].settings;
    return createClient(regionOf(chosen), requireSetting(settings, id), requireSetting(settings, secret));
  },
  identify: ({ accessToken }, _client, context, choice) => identify(regionOf(choice), accessToken, context),
});

/** By its consent page, or by a service account (client credentials), in one of three regions. */
export const ovh: Provider = {
  ...flow,
  exposes: [...flow.exposes, "endpoint", "project_id"],
  apiHost: (tokenData) => OVH_REGIONS[regionOf(tokenData)].apiHost,
  credentials,
  storable: z
    .looseObject({
      ...STORABLE_TOKENS.shape,
      ...credentials.partial().shape,
      access_token: z.string().min(1).optional(),
    })
    .refine(({ access_token, client_secret }) => access_token !== undefined || client_secret !== undefined, {
      message: "needs an access_token, or the client_id and client_secret that mint one",
      path: ["access_token"],
    }),
  connect: (raw, context) => connect(credentials.parse(raw), context),
  isStatic: (secret) => flow.isStatic?.(secret) === true && readText(secret, "client_secret") === null,
  refresh,
};

/** @see https://help.ovhcloud.com/csm/en-manage-service-account?id=kb_article_view&sysparm_article=KB0059343 */
async function connect(given: ServiceAccount, context: ProviderContext): Promise<Acquired> {
  const tokens = await mintToken(createClientOf(given), SCOPE, context, "connect");
  const identity = await identify(given.endpoint, tokens.accessToken, context);
  return { secret: withMinted(withoutAbsent(given), tokens), scopes: [SCOPE], ...identity };
}

/** A service account's token is minted again; a consent's is refreshed. */
async function refresh(secret: SecretData, context: ProviderContext): Promise<SecretData> {
  const given = z.object({ endpoint: endpoint.default("ovh-eu"), ...clientPair }).safeParse(secret);
  if (given.success) return withMinted(secret, await mintToken(createClientOf(given.data), SCOPE, context, "refresh"));
  if (flow.refresh === null) throw new Error("an authorization-code provider refreshes");
  return flow.refresh(secret, context);
}

/** An account's name is unique in its region only. @see https://eu.api.ovh.com/console/?section=%2Fme#get-/me */
async function identify(region: Endpoint, token: string, context: ProviderContext): Promise<Identity> {
  const url = `https://${OVH_REGIONS[region].apiHost}/1.0/me`;
  const nichandle = readText(await probe(NAME, bearerRequest(url, token), context, REFUSALS), "nichandle");
  if (nichandle === null) throw new AppError("provider_rejected", `${NAME} did not say whose account this is.`);
  return { account: `${region}/${nichandle}`, upstreamAccount: null, metadata: { endpoint: region } };
}

function createClientOf({
  endpoint,
  client_id,
  client_secret,
}: Pick<ServiceAccount, "endpoint" | "client_id" | "client_secret">) {
  return createClient(endpoint, client_id, client_secret);
}

function createClient(region: Endpoint, clientId: string, clientSecret: string): OAuthClient {
  const tokenEndpoint = `https://${OVH_REGIONS[region].authHost}/auth/oauth2/token`;
  return { name: NAME, clientId, clientSecret, clientAuth: "client_secret_post", tokenEndpoint, issuer: null };
}

/** The region in a consent's choice or a stored secret; Europe where none is named, as in the seed's oldest secrets. */
function regionOf(chosen: SecretData): Endpoint {
  return endpoint.catch("ovh-eu").parse(chosen["endpoint"]);
}

function withoutAbsent<Chosen extends { readonly project_id?: string | undefined }>({ project_id, ...chosen }: Chosen) {
  return project_id === undefined ? chosen : { ...chosen, project_id };
}
