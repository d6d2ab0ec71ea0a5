import { z } from "zod";
import type { JsonObject } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { probe, type Refusals } from "./probe.ts";
import type { Acquired, Injection, Provider } from "./provider.ts";

/** Asks the provider one more thing with the credential. @throws as `probe` */
export type Ask = (request: Request, refusals?: Refusals) => Promise<JsonObject>;

/** Whose key it is; `found` is what the provider said of it that is stored beside it, e.g. when it expires. */
export type KeyOwner = Pick<Acquired, "account" | "metadata"> & { readonly found?: SecretData };

/** Everything that tells one key-style provider from another. */
export interface ApiKeyData<Credentials extends z.ZodObject> {
  readonly id: string;
  readonly name: string;
  readonly docsUrl: string;
  /** Empty where the host is the user's own (`base_url` in the secret). */
  readonly apiHosts: readonly string[];
  /** @see Provider.apiHost */
  readonly apiHost?: NonNullable<Provider["apiHost"]>;
  /** How the key travels. Default: as a bearer token, the first of `exposes`. */
  readonly inject?: readonly Injection[];
  readonly credentials: Credentials;
  readonly exposes: readonly string[];
  /** What is stored, when it is not the credentials as given. */
  readonly normalise?: (credentials: z.output<Credentials>) => z.output<Credentials>;
  /** The call that proves the credential. */
  readonly probe: (credentials: z.output<Credentials>) => Request;
  /** What the probe's refusals mean, where they mean something else here. */
  readonly refusals?: Refusals;
  /**
   * Whose key it is, from the probe's answer. It asks further where one call does not prove the whole credential.
   * @throws `provider_rejected` when the answer does not say.
   */
  readonly identify: (answer: JsonObject, credentials: z.output<Credentials>, ask: Ask) => KeyOwner | Promise<KeyOwner>;
}

/** A provider whose credential is a key: proven once by a call, stored as it is, never refreshed. */
export function apiKey<Credentials extends z.ZodObject>(data: ApiKeyData<Credentials>): Provider {
  const { id, name, docsUrl, apiHosts, apiHost, inject, credentials, exposes } = data;
  return {
    ...{ id, name, docsUrl, apiHosts, credentials, exposes },
    ...(apiHost && { apiHost }),
    ...(inject && { inject }),
    kind: "api_key",
    scopes: [],
    settings: [],
    // Other systems keep what they learned of a key beside it.
    storable: z.looseObject(credentials.shape),
    authorization: null,
    async connect(raw, context) {
      // Parsed by the caller already; again here, where it gives the fields their types.
      const parsed = credentials.parse(raw);
      const given = data.normalise?.(parsed) ?? parsed;
      const ask: Ask = (request, refusals) => probe(name, request, context, refusals);
      const { found, ...owner } = await data.identify(await ask(data.probe(given), data.refusals), given, ask);
      return { secret: { ...given, ...found }, upstreamAccount: null, scopes: [], ...owner };
    },
    refresh: null,
    revoke: null,
  };
}
