import { requirePublicUrl } from "../../domain/public-url.ts";

export interface TargetSettings {
  /** Real origin → where it is played instead; empty in production. */
  readonly providerOrigins: Readonly<Record<string, string>>;
  /** Our own address: never a target. */
  readonly publicUrl: string;
  /** Origins of the operator's own settings that may be plain http or local; empty in production. */
  readonly trustedOrigins?: readonly string[];
}

/**
 * Where a request for `raw` goes: there, or where its origin is played instead.
 *
 * @throws `invalid_request` when it may not go there.
 */
export function findTarget(raw: string, settings: TargetSettings): string {
  const url = new URL(raw);
  url.hash = "";
  const rewritten = rewriteForBrowser(url, settings.providerOrigins);
  if (rewritten !== url || settings.trustedOrigins?.includes(url.origin)) return rewritten.href;
  // The guard looks at what stands before the path: what follows may be longer than any URL a person types.
  requirePublicUrl(new URL("/", url).href, { ownHosts: [new URL(settings.publicUrl).hostname] });
  return url.href;
}

/** Where a browser is sent for `url`: the same place, unless its origin is played elsewhere. */
export function rewriteForBrowser(url: URL, providerOrigins: Readonly<Record<string, string>>): URL {
  const stand = Object.hasOwn(providerOrigins, url.origin) ? providerOrigins[url.origin] : undefined;
  if (stand === undefined) return url;
  return new URL(`${stand.replace(/\/+$/, "")}${url.pathname}${url.search}${url.hash}`);
}
