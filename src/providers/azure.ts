import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { isJsonObject, readText } from "../domain/json.ts";
import { clientCredentials } from "./client-credentials.ts";
import { bearerRequest, probe } from "./probe.ts";
import type { Provider, ProviderContext } from "./provider.ts";
import { word } from "./word.ts";

const NAME = "Microsoft Azure";
const API_HOST = "management.azure.com";
const SCOPE = `https://${API_HOST}/.default`;
const SUBSCRIPTIONS = `https://${API_HOST}/subscriptions?api-version=2020-01-01`;
/** The list comes in pages; an account with more than this many has named the one it wants. */
const MAX_PAGES = 5;
const REFUSED_SECRET = `${NAME} does not accept the client secret: it is wrong or has expired.`;

const credentials = z.strictObject({
  // A GUID, never a domain name or `common`: it becomes a part of the token endpoint's path.
  tenant_id: z.guid(),
  client_id: z.guid(),
  client_secret: word.max(1024),
  subscription_id: z.guid().optional(),
  subscription_name: z.string().min(1).max(200).optional(),
});
type Principal = z.output<typeof credentials>;

const principal = clientCredentials({
  ...{ name: NAME, credentials, scope: SCOPE },
  tokenEndpoint: ({ tenant_id }) => `https://login.microsoftonline.com/${tenant_id.toLowerCase()}/oauth2/v2.0/token`,
  // Only the error is read, not its AADSTS number: Microsoft asks not to depend on those.
  // @see https://learn.microsoft.com/entra/identity-platform/reference-error-codes
  refusals: {
    invalid_client: REFUSED_SECRET,
    invalid_grant: REFUSED_SECRET,
    unauthorized_client: `${NAME} does not know this application in this tenant, or has disabled it.`,
    // AADSTS90002: no such tenant. The rest of this request is ours and fixed.
    invalid_request: `${NAME} does not know this tenant.`,
  },
  async identify({ accessToken }, given, context) {
    const { id, name } = await findSubscription(given, accessToken, context);
    const metadata = { subscription_name: name };
    return { account: id, metadata, found: { subscription_id: id, subscription_name: name } };
  },
});

/**
 * A service principal and one of the subscriptions it sees; several are several connections.
 *
 * Over sixty lines: the list of subscriptions has pages.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 */
export const azure = {
  id: "azure",
  name: NAME,
  kind: "service_principal",
  docsUrl: "https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow",
  apiHosts: [API_HOST],
  ...{ scopes: [SCOPE], settings: [], authorization: null, revoke: null },
  exposes: ["access_token", "token_type", "expires_at"],
  credentials,
  storable: principal.storable,
  connect: principal.connect,
  refresh: principal.refresh,
} as const satisfies Provider;

interface Subscription {
  readonly id: string;
  readonly name: string;
}

/** The subscription asked for, else the first: enabled, and seen by this principal. @throws `provider_rejected`. */
async function findSubscription(given: Principal, token: string, context: ProviderContext): Promise<Subscription> {
  const wanted = given.subscription_id?.toLowerCase();
  for (let url: string | null = SUBSCRIPTIONS, page = 0; url !== null && page < MAX_PAGES; page += 1) {
    const body = await probe(NAME, bearerRequest(url, token), context);
    const enabled = readEnabled(body["value"], given.subscription_name);
    const found = enabled.find(({ id }) => wanted === undefined || id.toLowerCase() === wanted);
    if (found) return found;
    const next: URL | null = URL.parse(readText(body, "nextLink") ?? "");
    // The link is the answer's; the token goes nowhere else.
    url = next?.origin === `https://${API_HOST}` ? next.href : null;
  }
  const what = wanted === undefined ? "no enabled subscription" : "no enabled subscription with this id";
  throw new AppError("provider_rejected", `This service principal sees ${what}. Give it a role there.`);
}

/** @see https://learn.microsoft.com/rest/api/resources/subscriptions/list */
function readEnabled(value: unknown, givenName: string | undefined): readonly Subscription[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isJsonObject).flatMap((entry) => {
    const id = readText(entry, "subscriptionId");
    if (id === null || entry["state"] !== "Enabled") return [];
    return [{ id, name: readText(entry, "displayName") ?? givenName ?? id }];
  });
}
