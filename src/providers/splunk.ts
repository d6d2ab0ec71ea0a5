import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { isJsonObject, type JsonObject, readText } from "../domain/json.ts";
import { apiKey } from "./api-key.ts";
import { baseUrl, normaliseBaseUrl } from "./base-url.ts";
import { bearerRequest } from "./probe.ts";
import { word } from "./word.ts";

const JSON_MODE = "output_mode=json";

/** @see https://docs.splunk.com/Documentation/Splunk/latest/RESTREF/RESTsystem and …/RESTaccess */
export const splunk = apiKey({
  id: "splunk",
  name: "Splunk",
  docsUrl: "https://docs.splunk.com/Documentation/Splunk/latest/Security/UseAuthTokens",
  apiHosts: [],
  // The management port, usually 8089, is a part of the address.
  credentials: z.strictObject({ base_url: baseUrl, api_token: word }),
  exposes: ["api_token", "base_url"],
  normalise: (given) => ({ ...given, base_url: normaliseBaseUrl(given.base_url) }),
  probe: ({ base_url, api_token }) => bearerRequest(`${base_url}/services/server/info?${JSON_MODE}`, api_token),
  async identify(answer, { base_url, api_token }, ask) {
    const server = readEntry(answer);
    // Splunk tells anyone what server it is, so the token is proven by asking whose it is.
    const context = `${base_url}/services/authentication/current-context?${JSON_MODE}`;
    const user = server && readEntry(await ask(bearerRequest(context, api_token)));
    const username = user && readText(user, "username");
    if (!server || !username) throw new AppError("provider_rejected", "There is no Splunk at this address.");
    const [name, version] = [readText(server, "serverName"), readText(server, "version")];
    const instanceType = readText(server, "product_type");
    return {
      account: `${new URL(base_url).host}/${username}`,
      metadata: { base_url, username, server: { name, version, instanceType } },
    };
  },
});

/** Splunk answers lists of entries, also where there can be one only. */
function readEntry(answer: JsonObject): JsonObject | null {
  const [entry] = Array.isArray(answer["entry"]) ? answer["entry"] : [];
  const content = isJsonObject(entry) ? entry["content"] : null;
  return isJsonObject(content) ? content : null;
}
