import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { readText } from "../domain/json.ts";
import { apiKey } from "./api-key.ts";
import { baseUrl, normaliseBaseUrl } from "./base-url.ts";
import { bearerRequest } from "./probe.ts";
import { word } from "./word.ts";

/** @see https://grafana.com/docs/grafana/latest/developers/http_api/org/#get-current-organization */
export const grafana = apiKey({
  id: "grafana",
  name: "Grafana",
  docsUrl: "https://grafana.com/docs/grafana/latest/administration/service-accounts/",
  apiHosts: [],
  credentials: z.strictObject({
    base_url: baseUrl,
    // `glsa_…`, or an API key of the older kind: Grafana is the judge of it.
    service_account_token: word,
  }),
  exposes: ["service_account_token", "base_url"],
  normalise: (given) => ({ ...given, base_url: normaliseBaseUrl(given.base_url) }),
  probe: ({ base_url, service_account_token }) => bearerRequest(`${base_url}/api/org`, service_account_token),
  identify(organization, { base_url }) {
    const id = organization["id"];
    if (typeof id !== "number") throw new AppError("provider_rejected", "There is no Grafana at this address.");
    // Organisation ids count from 1 in every installation, so the host belongs to the account.
    const account = `${new URL(base_url).host}/${id}`;
    return { account, metadata: { base_url, organization: readText(organization, "name") } };
  },
});
