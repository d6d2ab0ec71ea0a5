import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { apiKey } from "./api-key.ts";
import { word } from "./word.ts";

/** The sites, each with the other names people know it by. A host name is made of nothing but this table. */
const SITES: Readonly<Record<string, readonly string[]>> = {
  "datadoghq.com": ["us", "us1"],
  "us3.datadoghq.com": ["us3"],
  "us5.datadoghq.com": ["us5"],
  "datadoghq.eu": ["eu", "eu1"],
  "ap1.datadoghq.com": ["ap1"],
  "ap2.datadoghq.com": ["ap2"],
  "uk1.datadoghq.com": ["uk1"],
  "ddog-gov.com": ["gov", "us1-fed"],
  "us2.ddog-gov.com": ["us2-fed"],
};
const siteOf = (name: string) => Object.keys(SITES).find((site) => site === name || SITES[site]?.includes(name)) ?? "";

const credentials = z.strictObject({
  api_key: word,
  app_key: word,
  site: z.enum(Object.entries(SITES).flat(2)).default("datadoghq.com"),
});
/** The part of a user that says whose keys they are. */
const owner = z.object({ relationships: z.object({ org: z.object({ data: z.object({ id: z.string().min(1) }) }) }) });
const request = (path: string, { api_key, app_key, site }: z.output<typeof credentials>) =>
  new Request(`https://api.${site}${path}`, {
    headers: { accept: "application/json", "dd-api-key": api_key, "dd-application-key": app_key },
  });

/** @see https://docs.datadoghq.com/api/latest/authentication/ and https://docs.datadoghq.com/getting_started/site/ */
export const datadog = apiKey({
  id: "datadog",
  name: "Datadog",
  docsUrl: "https://docs.datadoghq.com/account_management/api-app-keys/",
  apiHosts: Object.keys(SITES).map((site) => `api.${site}`),
  apiHost: ({ site }) => (siteOf(String(site)) === "" ? null : `api.${siteOf(String(site))}`),
  inject: [{ kind: "headers", fields: { "dd-api-key": "api_key", "dd-application-key": "app_key" } }],
  credentials,
  exposes: ["api_key", "app_key", "site"],
  normalise: (given) => ({ ...given, site: siteOf(given.site) }),
  // It looks at the API key alone: any application key passes.
  probe: (given) => request("/api/v1/validate", given),
  refusals: { 403: "Datadog does not accept this API key at this site." },
  async identify({ valid }, given, ask) {
    if (valid !== true) throw new AppError("provider_rejected", "Datadog does not accept this API key at this site.");
    // Needs both keys and no permission beside them.
    const user = await ask(request("/api/v2/current_user", given), {
      403: "Datadog accepts the API key but not this application key.",
    });
    const id = owner.safeParse(user["data"]).data?.relationships.org.data.id;
    if (!id) throw new AppError("provider_rejected", "Datadog did not say whose keys these are.");
    return {
      account: `${given.site}/${id}`,
      metadata: { site: given.site, base_url: `https://api.${given.site}`, organization_id: id },
    };
  },
});
