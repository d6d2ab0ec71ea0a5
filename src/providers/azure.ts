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
const MAX_PAGES = 5;
/** A connection shows this many of the subscriptions that could be connected as well. */
const MAX_SHOWN = 50;
const SECRET_END = "client_secret_expires_at";
const REFUSED_SECRET = `${NAME} does not accept the client secret: it is wrong or has expired.`;

const credentials = z.strictObject({
  // A GUID, never a domain name or `common`: it becomes a part of the token endpoint's path.
  tenant_id: z.guid(),
  client_id: z.guid(),
  client_secret: word.max(1024),
  // Entra tells it to directory readers only: whoever made the secret saw it.
  [SECRET_END]: z.iso.datetime({ offset: true }).optional(),
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
  credentialEnd: SECRET_END,
  async identify({ accessToken }, given, context) {
    const seen = await listSubscriptions(accessToken, context);
    const { subscription_id, subscription_name } = chooseSubscription(given, seen);
    const found = {
      subscription_id,
      subscription_name: subscription_name ?? given.subscription_name ?? subscription_id,
    };
    // Each of them can be a connection of its own: the list tells which there are.
    const metadata = { subscription_name: found.subscription_name, subscriptions: seen.slice(0, MAX_SHOWN) };
    return { account: subscription_id, metadata, found };
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
  credentialEnd: SECRET_END,
} as const satisfies Provider;

interface Subscription {
  readonly subscription_id: string;
  /** Null where the directory has none. */
  readonly subscription_name: string | null;
}

/** The subscription asked for, else the first. @throws `provider_rejected` when this principal sees no such one. */
function chooseSubscription({ subscription_id: wanted }: Principal, seen: readonly Subscription[]): Subscription {
  const found = seen.find(
    ({ subscription_id: id }) => wanted === undefined || id.toLowerCase() === wanted.toLowerCase(),
  );
  if (found) return found;
  const what = wanted === undefined ? "no enabled subscription" : "no enabled subscription with this id";
  throw new AppError("provider_rejected", `This service principal sees ${what}. Give it a role there.`);
}

/** Every enabled subscription this principal sees. @see https://learn.microsoft.com/rest/api/resources/subscriptions/list */
async function listSubscriptions(token: string, context: ProviderContext): Promise<Subscription[]> {
  const seen: Subscription[] = [];
  for (let url: string | null = SUBSCRIPTIONS, page = 0; url !== null && page < MAX_PAGES; page += 1) {
    const body = await probe(NAME, bearerRequest(url, token), context);
    seen.push(...readEnabled(body["value"]));
    const next: URL | null = URL.parse(readText(body, "nextLink") ?? "");
    // The link is the answer's; the token goes nowhere else.
    url = next?.origin === `https://${API_HOST}` ? next.href : null;
  }
  return seen;
}

function readEnabled(value: unknown): readonly Subscription[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isJsonObject).flatMap((entry) => {
    const id = readText(entry, "subscriptionId");
    if (id === null || entry["state"] !== "Enabled") return [];
    return [{ subscription_id: id, subscription_name: readText(entry, "displayName") }];
  });
}
