import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { readText } from "../domain/json.ts";
import { apiKey } from "./api-key.ts";
import { baseUrl, normaliseBaseUrl } from "./base-url.ts";
import { bearerRequest } from "./probe.ts";
import { word } from "./word.ts";

const CLOUD = "https://app.netdata.cloud";

/** @see https://learn.netdata.cloud/docs/netdata-cloud/api-tokens */
export const netdata = apiKey({
  id: "netdata",
  name: "Netdata",
  docsUrl: "https://learn.netdata.cloud/docs/netdata-cloud/api-tokens",
  // An installation of one's own has another host: `base_url` says which.
  apiHosts: [],
  credentials: z.strictObject({ api_token: word, base_url: baseUrl.default(CLOUD) }),
  exposes: ["api_token", "base_url"],
  normalise: (given) => ({ ...given, base_url: normaliseBaseUrl(given.base_url) }),
  probe: ({ base_url, api_token }) => bearerRequest(`${base_url}/api/v2/accounts/me`, api_token),
  identify(user, { base_url }) {
    const id = readText(user, "id");
    if (id === null) throw new AppError("provider_rejected", "There is no Netdata Cloud at this address.");
    const account = base_url === CLOUD ? id : `${new URL(base_url).host}/${id}`;
    return { account, metadata: { base_url, email: readText(user, "email") } };
  },
});
