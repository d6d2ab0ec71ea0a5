import { z } from "zod";
import { AppError } from "../domain/errors.ts";
import { isJsonObject, type JsonObject, readText } from "../domain/json.ts";
import { apiKey } from "./api-key.ts";
import { bearerRequest } from "./probe.ts";
import { word } from "./word.ts";

const API_HOST = "api.thousandeyes.com";
/** A list shows this many groups of an organisation that has more. */
const MAX_GROUPS_SHOWN = 50;

/** @see https://developer.cisco.com/docs/thousandeyes/list-account-groups/ */
export const thousandeyes = apiKey({
  id: "thousandeyes",
  name: "ThousandEyes",
  docsUrl: "https://developer.cisco.com/docs/thousandeyes/authentication/",
  apiHosts: [API_HOST],
  credentials: z.strictObject({
    api_token: word,
    account_group_id: z
      .string()
      .regex(/^\d{1,19}$/, "must be the number of an account group")
      .optional(),
  }),
  exposes: ["api_token", "account_group_id"],
  probe: ({ api_token, account_group_id: aid }) =>
    bearerRequest(`https://${API_HOST}/v7/account-groups${aid === undefined ? "" : `?aid=${aid}`}`, api_token),
  // Counted by organisation and minute. @see https://developer.cisco.com/docs/thousandeyes/rate-limits/
  refusals: { limitEnd: "x-organization-rate-limit-reset" },
  identify(answer, { account_group_id: wanted }) {
    const groups = Array.isArray(answer["accountGroups"]) ? answer["accountGroups"].filter(isJsonObject) : [];
    const isMeant = (group: JsonObject) => (wanted ? group["aid"] === wanted : group["isCurrentAccountGroup"] === true);
    const id = readText(groups.find(isMeant) ?? {}, "aid");
    if (!id) throw new AppError("provider_rejected", "ThousandEyes shows this token no such account group.");
    const shown = groups.slice(0, MAX_GROUPS_SHOWN).map(describeGroup);
    return { account: id, metadata: { account_group_id: id, account_groups: shown } };
  },
});

function describeGroup(group: JsonObject): JsonObject {
  return { aid: readText(group, "aid"), name: readText(group, "accountGroupName") };
}
