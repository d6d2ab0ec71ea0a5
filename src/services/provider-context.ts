import type { Scope } from "../domain/principal.ts";
import type { Provider, ProviderContext } from "../providers/provider.ts";
import type { Deps } from "./deps.ts";

type ContextDeps = Pick<Deps, "connections" | "now" | "providerSettings" | "send">;

/** What a provider's code may use for this workspace: only the settings it declared, and its own external id. */
export async function createProviderContext(
  deps: ContextDeps,
  provider: Provider,
  scope: Scope,
): Promise<ProviderContext> {
  const settings = Object.fromEntries(
    [...provider.settings, ...(provider.optionalSettings ?? [])].flatMap((name) => {
      const value = deps.providerSettings[name];
      return value === undefined ? [] : [[name, value.reveal()]];
    }),
  );
  // Only an assumed role asks for it; nobody else pays for the read.
  const awsExternalId = provider.kind === "assume_role" ? await deps.connections.readAwsExternalId(scope) : "";
  return { send: deps.send, now: deps.now(), settings, awsExternalId };
}

/** True when every operator setting the provider needs is there. */
export function isConfigured(deps: Pick<Deps, "providerSettings">, provider: Provider): boolean {
  return hasSettings(deps, provider.settings);
}

export function hasSettings({ providerSettings }: Pick<Deps, "providerSettings">, names: readonly string[]): boolean {
  return names.every((name) => providerSettings[name] !== undefined);
}
