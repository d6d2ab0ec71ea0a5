import type { ConsentMode } from "../../src/domain/handshake.ts";
import { finishConsent } from "../../src/services/consent/finish-consent.ts";
import { bindingCookieName, openConsentLink } from "../../src/services/consent/open-consent-link.ts";
import { startConsent } from "../../src/services/consent/start-consent.ts";
import type { Caller } from "../../src/services/record-deed.ts";
import { createServiceWorld, type ServiceWorld } from "./service-world.ts";

const ORIGIN = { ip: "192.0.2.7", requestId: "req_1" };

/** What differs from the callback the starter's browser would bring; `code` null = none. */
export interface Attempt {
  readonly path?: string;
  readonly provider?: string;
  readonly user?: string | null;
  readonly cookies?: Map<string, string>;
  readonly query?: Readonly<Record<string, string>>;
  readonly code?: null;
}

/** A consent that was started and opened in a browser, up to the provider's answer. */
export async function beginConsent(caller: Caller, mode: ConsentMode | null = null, world = createServiceWorld()) {
  const request = { returnTo: null, scopes: null, mode };
  const { loginUrl } = await startConsent(world.deps, caller, "rotating", request);
  const ticket = loginUrl.slice(loginUrl.lastIndexOf("/") + 1);
  const cookies = new Map<string, string>();
  const opening = await openLink(world, ticket, cookies, caller.principal.id);
  if (opening.kind !== "consent") throw new Error("the link did not open");
  cookies.set(opening.cookieName, opening.cookieValue);
  const state = new URL(opening.location).searchParams.get("state") ?? "";
  const attempt = ({ path, provider, user, cookies: others, query, code }: Attempt = {}) => {
    const jar = others ?? cookies;
    const callback = {
      provider: provider ?? "rotating",
      path: path ?? "/rotating/callback",
      query: new URLSearchParams({ state, ...(code !== null && { code: "code-1" }), ...query }),
      sessionUser: user === undefined ? caller.principal.id : user,
      readCookie: (name: string) => jar.get(name) ?? null,
      origin: ORIGIN,
    };
    return finishConsent(world.deps, callback, bindingCookieName);
  };
  return { world, ticket, cookies, state, attempt };
}

export function openLink(world: ServiceWorld, ticket: string, cookies: Map<string, string>, user: string | null) {
  return openConsentLink(world.deps, ticket, user, (name) => cookies.get(name) ?? null, ORIGIN);
}
