import type { SecretData } from "../domain/token-data.ts";
import type { OAuthClient } from "./oauth2.ts";
import type { ProviderContext } from "./provider.ts";
import { requireSetting } from "./settings.ts";

/** Our client at one authorization server. */
export interface Registration extends Pick<OAuthClient, "clientAuth" | "errors" | "refusesPkce" | "tokenEndpoint"> {
  /** The consent page, or how to find it. */
  readonly authorizationEndpoint: string | ((context: ProviderContext) => Promise<string>);
  /** The operator's settings that hold its id and secret, by name, or these themselves. */
  readonly client:
    | readonly [idSetting: string, secretSetting: string]
    | { readonly id: string; readonly secret: string };
  /** @see OAuthClient.issuer; absent = null. */
  readonly issuer?: string;
}

/** The one registration of a provider, or one by what was chosen: a consent's choice, or the stored secret, which holds it. */
export type Registrations = Registration | ((chosen: SecretData) => Registration);

export function registrationOf(registrations: Registrations, chosen: SecretData): Registration {
  return typeof registrations === "function" ? registrations(chosen) : registrations;
}

/** Names of the operator's settings it needs. */
export function settingsOf({ client }: Registration): readonly string[] {
  return "id" in client ? [] : client;
}

/** @throws `misconfigured` when the operator's settings are absent. */
export function clientOf(
  { name, registration }: { readonly name: string; readonly registration: Registrations },
  chosen: SecretData,
  { settings }: ProviderContext,
): OAuthClient {
  const { client, issuer = null, authorizationEndpoint: _page, ...server } = registrationOf(registration, chosen);
  const read = (setting: string) => requireSetting(settings, setting);
  const { id, secret } = "id" in client ? client : { id: read(client[0]), secret: read(client[1]) };
  return { ...server, name, clientId: id, clientSecret: secret, issuer };
}
