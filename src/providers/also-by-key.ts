import type { z } from "zod";
import { readText } from "../domain/json.ts";
import type { SecretData } from "../domain/token-data.ts";
import { STORABLE_TOKENS } from "./authorization-code.ts";
import type { Injection, Provider } from "./provider.ts";

/** Another way to connect to a provider that has a consent page: by something a person has. */
export interface KeyWay {
  /** Its fields that must be given also tell such a secret from one of a consent. */
  readonly credentials: z.ZodObject;
  readonly connect: NonNullable<Provider["connect"]>;
  /** Null for a key that is never renewed. */
  readonly refresh: Provider["refresh"];
  /** Fields it has to hand out beside those of a consent. */
  readonly exposes?: readonly string[];
  /** How both kinds travel, where a key does not travel as the consent's token does. */
  readonly inject?: readonly Injection[];
}

/**
 * A provider with a consent page that can be connected by a key as well. Only the consent needs the operator's settings;
 * a key is refreshed in its own way and is not ours to revoke.
 */
export function alsoByKey(consent: Provider, key: KeyWay): Provider {
  const { credentials, connect, exposes = [], inject } = key;
  const fields = requiredFields(credentials);
  const isKey = (secret: SecretData) => fields.every((name) => readText(secret, name) !== null);
  const { authorization, settings, optionalSettings = [], refresh, revoke } = consent;
  return {
    ...consent,
    ...{ credentials, connect },
    exposes: [...new Set([...consent.exposes, ...exposes])],
    ...(inject && { inject }),
    settings: [],
    optionalSettings: [...settings, ...optionalSettings],
    authorization: authorization && { ...authorization, settings: authorization.settings ?? (() => settings) },
    storable: STORABLE_TOKENS.extend({
      ...credentials.partial().shape,
      access_token: STORABLE_TOKENS.shape.access_token.optional(),
    }).refine((secret) => readText(secret, "access_token") !== null || isKey(secret), {
      path: ["access_token"],
      message: `is needed, or ${fields.join(" and ")}`,
    }),
    isStatic: (secret) => (isKey(secret) ? key.refresh === null : consent.isStatic?.(secret) === true),
    refresh: async (secret, context) => (await (isKey(secret) ? key.refresh : refresh)?.(secret, context)) ?? secret,
    revoke: revoke && (async (secret, context) => (isKey(secret) ? undefined : revoke(secret, context))),
  };
}

function requiredFields(credentials: z.ZodObject): readonly string[] {
  return (credentials.safeParse({}).error?.issues ?? []).map(({ path }) => String(path[0]));
}
