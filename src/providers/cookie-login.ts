import type { JsonObject } from "../domain/json.ts";
import type { UpstreamOptions } from "../domain/ports/upstream.ts";
import { type EpochSeconds, epochSeconds } from "../domain/time.ts";
import type { SecretData } from "../domain/token-data.ts";
import { readExpiry, unavailable } from "./answers.ts";
import { type Refusals, requireAcceptance } from "./probe.ts";
import type { ProviderContext } from "./provider.ts";

/** How one provider opens a session: JSON to its login, a cookie back. */
export interface CookieLogin {
  /** The provider as a person knows it. */
  readonly name: string;
  /** The cookie that is the session. */
  readonly cookie: string;
  readonly refusals: Refusals;
}

/**
 * `session_cookie` (the cookie's value) and `expires_at` (epoch seconds; absent when the cookie names no end).
 *
 * @throws as `probe`; `provider_unavailable` when the login brings no cookie.
 */
export async function logIn(
  { name, cookie, refusals }: CookieLogin,
  url: string,
  body: JsonObject,
  context: ProviderContext,
  options: UpstreamOptions = {},
): Promise<SecretData> {
  const headers = { accept: "application/json", "content-type": "application/json" };
  const request = new Request(url, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await context.send(request, options);
  requireAcceptance(name, answer, context, refusals);
  const session = readCookie(answer.headers, cookie, context.now);
  if (session === null) throw unavailable({ name, now: context.now }, answer);
  return { session_cookie: session.value, ...(session.expiresAt !== null && { expires_at: session.expiresAt }) };
}

/**
 * The cookie of that name in an answer; null when it is absent, empty, or taken away (its end is past).
 * `Max-Age` wins over `Expires`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6265#section-5.2
 */
export function readCookie(
  headers: Headers,
  name: string,
  now: EpochSeconds,
): { readonly value: string; readonly expiresAt: EpochSeconds | null } | null {
  const line = headers.getSetCookie().find((raw) => raw.startsWith(`${name}=`));
  const [pair = "", ...attributes] = line?.split(";").map((part) => part.trim()) ?? [];
  const value = pair.slice(name.length + 1);
  // The characters a cookie's value may hold: anything else would break the header it is sent in.
  if (!/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,4096}$/.test(value)) return null;
  const read = (attribute: string) =>
    attributes.find((part) => part.toLowerCase().startsWith(`${attribute}=`))?.slice(attribute.length + 1);
  const end = Date.parse(read("expires") ?? "") / 1000;
  const expiresAt = readExpiry(read("max-age"), now) ?? (end > 0 ? epochSeconds(end) : null);
  return expiresAt !== null && expiresAt <= now ? null : { value, expiresAt };
}
