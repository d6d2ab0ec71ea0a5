import * as oauth from "oauth4webapi";
import { AppError } from "../domain/errors.ts";
import { type JsonObject, readText } from "../domain/json.ts";
import { readJson, unavailable } from "./answers.ts";
import { authorizationCode } from "./authorization-code.ts";
import type { CustomProviderSettings } from "./custom-settings.ts";
import type { Provider, ProviderContext } from "./provider.ts";

/** Any OAuth 2.0 server of the operator's `CUSTOM_PROVIDERS`. It has no account: nothing standard names one. */
export function customProvider(entry: CustomProviderSettings): Provider {
  const { id, name, issuer, authorization_endpoint: endpoint, revocation_endpoint: revocation } = entry;
  return authorizationCode({
    id,
    name,
    docsUrl: issuer ?? new URL(entry.token_endpoint).origin,
    // The server that issued the token may have it back; no other host is known.
    apiHosts: hostsOf(entry.token_endpoint),
    scopes: entry.scopes,
    callbackPath: `/api/v1/oauth/${id}/callback`,
    registration: {
      client: { id: entry.client_id, secret: entry.client_secret.reveal() },
      clientAuth: entry.token_endpoint_auth_method,
      authorizationEndpoint: endpoint ?? ((context) => discoverEndpoint(entry, context)),
      tokenEndpoint: entry.token_endpoint,
      ...(issuer !== undefined && { issuer }),
    },
    ...(revocation !== undefined && { revocation: { endpoint: revocation, withSecret: true } }),
  });
}

/** The proxy speaks https only: none for a server on this machine. */
function hostsOf(tokenEndpoint: string): readonly string[] {
  const { protocol, host } = new URL(tokenEndpoint);
  return protocol === "https:" ? [host] : [];
}

/** Origins the operator's own providers are called at: outside production they may be plain http and local. */
export function originsOf(entries: readonly CustomProviderSettings[]): readonly string[] {
  const urls = entries.flatMap((entry) => [entry.issuer, entry.token_endpoint, entry.revocation_endpoint]);
  return [...new Set(urls.flatMap((url) => (url === undefined ? [] : [new URL(url).origin])))];
}

/**
 * The consent page of a server that only told its issuer: OpenID Connect discovery, then RFC 8414's.
 *
 * @throws `provider_unavailable` when neither document can be read; `misconfigured` when it is another issuer's.
 */
async function discoverEndpoint(entry: CustomProviderSettings, context: ProviderContext): Promise<string> {
  const issuer = new URL(entry.issuer ?? entry.token_endpoint);
  const metadata =
    (await readMetadata(issuer, "oidc", entry, context)) ?? (await readMetadata(issuer, "oauth2", entry, context));
  const endpoint = metadata && readText(metadata, "authorization_endpoint");
  const url = endpoint ? URL.parse(endpoint) : null;
  // A browser is sent there: no weaker transport than the issuer's own, and nothing but the web.
  const isWeb = url?.protocol === "https:" || url?.protocol === issuer.protocol;
  if (metadata === null || url === null || !isWeb) {
    throw new AppError("provider_unavailable", `${entry.name} does not say where its consent page is.`);
  }
  // RFC 8414 section 3.3: a document that speaks for another issuer must not be used.
  if (readText(metadata, "issuer") !== entry.issuer) {
    throw new AppError("misconfigured", `${entry.name} does not have the issuer it was set up with.`);
  }
  return url.href;
}

/** Null when the server has no such document. */
async function readMetadata(
  issuer: URL,
  algorithm: "oidc" | "oauth2",
  { name }: CustomProviderSettings,
  { send, now }: ProviderContext,
): Promise<JsonObject | null> {
  const answer = await oauth.discoveryRequest(issuer, {
    algorithm,
    [oauth.customFetch]: (url, init) => send(new Request(url, { method: "GET", headers: init.headers })),
    [oauth.allowInsecureRequests]: true,
  });
  if (answer.status === 404) return null;
  const body = answer.ok ? await readJson(answer) : null;
  if (body === null) throw unavailable({ name, now }, answer);
  return body;
}
