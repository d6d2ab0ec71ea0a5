import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { isJsonObject, readText } from "../domain/json.ts";
import type { UpstreamOptions } from "../domain/ports/upstream.ts";
import type { SecretData } from "../domain/token-data.ts";
import { clientCredentials, REFRESH_TIMEOUT_MS } from "./oauth2.ts";
import { bearerRequest, probe } from "./probe.ts";
import type { Acquired, Provider, ProviderContext } from "./provider.ts";
import type { TokenAnswer, Verdicts } from "./token-answer.ts";

const NAME = "Microsoft Azure";
const API_HOST = "management.azure.com";
const SCOPE = `https://${API_HOST}/.default`;
const SUBSCRIPTIONS = `https://${API_HOST}/subscriptions?api-version=2020-01-01`;
/** The list comes in pages; an account with more than this many has named the one it wants. */
const MAX_PAGES = 5;

const principal = {
  // A GUID, never a domain name or `common`: it becomes a part of the token endpoint's path.
  tenant_id: z.guid(),
  client_id: z.guid(),
  client_secret: z.string().regex(/^[\x21-\x7e]{1,1024}$/, "must be one word of printable characters"),
  subscription_id: z.guid().optional(),
  subscription_name: z.string().min(1).max(200).optional(),
};
const credentials = z.strictObject(principal);
type Principal = z.output<typeof credentials>;

/** @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
export const azure = {
  id: "azure",
  name: NAME,
  kind: "service_principal",
  docsUrl: "https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow",
  apiHosts: [API_HOST],
  scopes: [SCOPE],
  exposes: ["access_token", "token_type", "expires_at"],
  settings: [],
  credentials,
  storable: z.looseObject({ ...principal, access_token: z.string().min(1).optional() }),
  authorization: null,
  connect: (raw, context) => connect(credentials.parse(raw), context),
  refresh,
  revoke: null,
} as const satisfies Provider;

async function connect(given: Principal, context: ProviderContext): Promise<Acquired> {
  const tokens = await mint(given, context, "provider_rejected");
  const subscription = await findSubscription(given, tokens.accessToken, context);
  return {
    secret: {
      ...describeTokens(tokens),
      tenant_id: given.tenant_id,
      client_id: given.client_id,
      client_secret: given.client_secret,
      subscription_id: subscription.id,
      subscription_name: subscription.name,
    },
    account: subscription.id,
    upstreamAccount: null,
    scopes: [SCOPE],
    metadata: { subscription_name: subscription.name },
  };
}

/** Mints again: there is no refresh token in this grant. */
async function refresh(secret: SecretData, context: ProviderContext): Promise<SecretData> {
  const given = z.object(principal).safeParse(secret);
  if (!given.success)
    throw new AppError("reauth_required", `The stored service principal is incomplete. Connect it again.`);
  const tokens = await mint(given.data, context, "reauth_required", { timeoutMs: REFRESH_TIMEOUT_MS });
  const { expires_at: _expiresAt, ...kept } = secret;
  return { ...kept, ...describeTokens(tokens) };
}

function mint(
  { tenant_id, client_id, client_secret }: Principal,
  context: ProviderContext,
  refusal: "provider_rejected" | "reauth_required",
  options: UpstreamOptions = {},
): Promise<TokenAnswer> {
  const client = {
    name: NAME,
    clientId: client_id,
    clientSecret: client_secret,
    clientAuth: "client_secret_post",
    tokenEndpoint: `https://login.microsoftonline.com/${tenant_id.toLowerCase()}/oauth2/v2.0/token`,
    issuer: null,
  } as const;
  return clientCredentials(client, SCOPE, context, verdicts(refusal), options);
}

/**
 * Only the error is read, not its AADSTS number: Microsoft asks not to depend on those.
 * @see https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
function verdicts(code: "provider_rejected" | "reauth_required"): Verdicts {
  const secret = `${NAME} does not accept the client secret: it is wrong or has expired.`;
  const application = `${NAME} does not know this application in this tenant, or has disabled it.`;
  return {
    invalid_client: { code, message: secret },
    invalid_grant: { code, message: secret },
    unauthorized_client: { code, message: application },
    // AADSTS90002: no such tenant. The rest of this request is ours and fixed.
    invalid_request: { code, message: `${NAME} does not know this tenant.` },
  };
}

function describeTokens({ accessToken, tokenType, expiresAt }: TokenAnswer): SecretData {
  return { access_token: accessToken, token_type: tokenType, ...(expiresAt !== null && { expires_at: expiresAt }) };
}

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
