import { AppError } from "../domain/errors.ts";
import { readText } from "../domain/json.ts";
import type { EpochSeconds } from "../domain/time.ts";
import type { TokenData } from "../domain/token-data.ts";
import type { Injection, Provider } from "./provider.ts";
import { isPayloadSigned, signAwsRequest } from "./sigv4.ts";

/** A proxied request before its credential. */
export interface Unauthenticated {
  readonly method: string;
  readonly url: string;
  /** The credential's headers are set on these. */
  readonly headers: Headers;
  /** The whole body where {@link needsWholeBody} says so; null = none. */
  readonly body: Uint8Array<ArrayBuffer> | null;
}

/** What can stand in a header: visible ASCII and spaces within. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
/** What can stand in a cookie's value (RFC 6265 section 4.1.1). */
const COOKIE_VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/;

/** How a provider's credentials travel: as it says, or as its kind usually does. */
export function injectionsOf({ inject, kind, exposes: [credential = ""] }: Provider): readonly Injection[] {
  return inject ?? [kind === "assume_role" ? { kind: "sigv4" } : { kind: "bearer", field: credential }];
}

/** True when the credential signs the body, which then has to be there as a whole. */
export function needsWholeBody(provider: Provider, host: string): boolean {
  return injectionsOf(provider).some(({ kind }) => kind === "sigv4") && isPayloadSigned(host);
}

/**
 * Puts the credential on the request; whatever the caller sent in its place is replaced.
 *
 * @throws `reauth_required` when the stored credential lacks what it takes, or cannot stand in a header.
 */
export async function injectCredential(
  provider: Provider,
  tokenData: TokenData,
  request: Unauthenticated,
  now: EpochSeconds,
): Promise<void> {
  for (const injection of injectionsOf(provider)) {
    const made =
      injection.kind === "sigv4" ? await signAwsRequest(tokenData, request, now) : write(injection, tokenData);
    if (made === null) continue;
    for (const [name, value] of Object.entries(made)) request.headers.set(name, value);
    return;
  }
  throw new AppError("reauth_required", "The stored credential cannot be sent; connect the account again.");
}

/** The headers that carry the credential; null when a field is not there, or not fit for a header. */
function write(
  injection: Exclude<Injection, { kind: "sigv4" }>,
  tokenData: TokenData,
): Readonly<Record<string, string>> | null {
  const read = (field: string, allowed: RegExp) => {
    const value = readText(tokenData, field);
    return value !== null && allowed.test(value) ? value : null;
  };
  switch (injection.kind) {
    case "bearer": {
      const token = read(injection.field, HEADER_VALUE);
      return token === null ? null : { authorization: `Bearer ${token}` };
    }
    case "basic": {
      const [user, password] = [read(injection.user, HEADER_VALUE), read(injection.password, HEADER_VALUE)];
      // RFC 7617 section 2: a colon would end the user's name.
      if (user === null || password === null || user.includes(":")) return null;
      return { authorization: `Basic ${btoa(`${user}:${password}`)}` };
    }
    case "cookie": {
      const value = read(injection.field, COOKIE_VALUE);
      return value === null ? null : { cookie: `${injection.name}=${value}` };
    }
    case "headers": {
      const pairs = Object.entries(injection.fields).map(([name, field]) => [name, read(field, HEADER_VALUE)] as const);
      const there = pairs.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
      return there.length < pairs.length ? null : Object.fromEntries(there);
    }
  }
}
