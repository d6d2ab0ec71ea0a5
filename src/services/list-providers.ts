import { z } from "zod";
import type { JsonObject } from "../domain/json.ts";
import type { Provider, ProviderKind } from "../providers/provider.ts";
import type { Deps } from "./deps.ts";
import { isConfigured } from "./provider-context.ts";

export const PROVIDER_KINDS = [
  "authorization_code",
  "client_credentials",
  "service_principal",
  "assume_role",
  "api_key",
] as const satisfies readonly ProviderKind[];

/** A provider as clients see it; the field names are the contract's. */
export interface ProviderCard {
  readonly id: string;
  readonly name: string;
  readonly kind: ProviderKind;
  readonly refreshable: boolean;
  readonly configured: boolean;
  /** JSON Schema of the body `connect` takes; `{}` for a provider with a consent page. */
  readonly credentials_schema: Record<string, unknown>;
  readonly scopes: string[];
  readonly api_hosts: string[];
  readonly docs_url: string;
}

/** Every provider of this deployment, the operator's own included. */
export function listProviders(deps: Pick<Deps, "providers" | "providerSettings">): ProviderCard[] {
  return deps.providers.list().map((provider) => ({
    id: provider.id,
    name: provider.name,
    kind: provider.kind,
    refreshable: provider.refresh !== null,
    configured: isConfigured(deps, provider),
    credentials_schema: { ...schemaOf(provider) },
    scopes: [...provider.scopes],
    api_hosts: [...provider.apiHosts],
    docs_url: provider.docsUrl,
  }));
}

function schemaOf({ credentials }: Provider): JsonObject {
  return credentials === null ? {} : z.toJSONSchema(credentials, { io: "input", unrepresentable: "any" });
}
