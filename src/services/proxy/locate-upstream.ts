import { AppError } from "../../domain/errors.ts";
import { readText } from "../../domain/json.ts";
import type { ProxyTarget } from "../../domain/proxy-request.ts";
import type { TokenData } from "../../domain/token-data.ts";
import { normaliseBaseUrl } from "../../providers/base-url.ts";
import { BASE_URL_FIELD, type Provider } from "../../providers/provider.ts";

/**
 * The URL a proxied call goes to: one of the provider's hosts, or the user's own installation and what is below it.
 *
 * @param wantedHost `X-Proxy-Host`; null = not sent.
 * @throws `invalid_request` when that is not exactly one of the hosts, or there is none.
 */
export function locateUpstream(
  provider: Provider,
  tokenData: TokenData,
  wantedHost: string | null,
  { path, query }: ProxyTarget,
): string {
  const base = readBase(provider, tokenData);
  const hosts = base === null ? provider.apiHosts : [base.host];
  const host = wantedHost ?? base?.host ?? provider.apiHost?.(tokenData) ?? hosts[0];
  if (host === undefined) throw new AppError("invalid_request", `No API host of ${provider.name} is known here.`);
  if (!hosts.includes(host)) {
    throw new AppError("invalid_request", `X-Proxy-Host must be one of ${provider.name}'s API hosts, exactly.`);
  }
  return base === null ? `https://${host}${path}${query}` : `${normaliseBaseUrl(base.href)}${path}${query}`;
}

/** Null for a provider whose hosts are known. The sender checks the address again. */
function readBase(provider: Provider, tokenData: TokenData): URL | null {
  if (!provider.exposes.includes(BASE_URL_FIELD)) return null;
  return URL.parse(readText(tokenData, BASE_URL_FIELD) ?? "");
}
