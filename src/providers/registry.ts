import { AppError } from "../domain/errors.ts";
import { aws } from "./aws.ts";
import { azure } from "./azure.ts";
import { bitbucket } from "./bitbucket.ts";
import { coroot } from "./coroot.ts";
import { customProvider } from "./custom.ts";
import type { CustomProviderSettings } from "./custom-settings.ts";
import { datadog } from "./datadog.ts";
import { gcp } from "./gcp.ts";
import { grafana } from "./grafana.ts";
import { netdata } from "./netdata.ts";
import { ovh } from "./ovh.ts";
import type { Provider, ProviderRegistry } from "./provider.ts";
import { scaleway } from "./scaleway.ts";
import { slack } from "./slack.ts";
import { splunk } from "./splunk.ts";
import { tailscale } from "./tailscale.ts";
import { thousandeyes } from "./thousandeyes.ts";

/** The one place a provider is registered. Keep in alphabetical order. */
export const PROVIDERS: readonly Provider[] = [
  aws,
  azure,
  bitbucket,
  coroot,
  datadog,
  gcp,
  grafana,
  netdata,
  ovh,
  scaleway,
  slack,
  splunk,
  tailscale,
  thousandeyes,
];

/**
 * The built-in providers, then the operator's own.
 *
 * @throws `misconfigured` when an entry takes an id that is taken.
 */
export function createRegistry(customSettings: readonly CustomProviderSettings[]): ProviderRegistry {
  const providers = [...PROVIDERS, ...customSettings.map(customProvider)];
  const byId = new Map(providers.map((provider) => [provider.id, provider]));
  if (byId.size < providers.length) {
    throw new AppError("misconfigured", "CUSTOM_PROVIDERS names an id that is taken.");
  }
  return { list: () => providers, find: (id) => byId.get(id) ?? null };
}
