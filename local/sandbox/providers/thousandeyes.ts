import { randomUUID } from "node:crypto";
import type { SandboxContext, SandboxProvider } from "../provider.ts";
import { type Answer, json, readBearer, type WireRequest } from "../wire.ts";

const HOST = "api.thousandeyes.com";
const GROUPS = [
  { aid: "1234", accountGroupName: "Sandbox", isDefaultAccountGroup: true },
  { aid: "5678", accountGroupName: "Sandbox Labs", isDefaultAccountGroup: false },
];

/**
 * A ThousandEyes user in two account groups, and one whose roles allow no API.
 * @see https://developer.cisco.com/docs/thousandeyes/list-account-groups/
 */
export function createThousandeyes(context: SandboxContext): SandboxProvider {
  const token = context.secret("thousandeyes-token", randomUUID);
  const powerless = context.secret("thousandeyes-powerless-token", randomUUID);
  return {
    id: "thousandeyes",
    origins: [`https://${HOST}`],
    settings: {},
    credentials: () => ({ api_token: token }),
    refusedCredentials: () => ({ api_token: powerless }),
    routes: [
      {
        method: "GET",
        host: HOST,
        path: "/v7/account-groups",
        endpoint: "api",
        handle: (request) => listGroups(request, token, powerless),
      },
    ],
  };
}

function listGroups(request: WireRequest, token: string, powerless: string): Answer {
  const bearer = readBearer(request);
  if (bearer === powerless) return refuse(403, "access_denied", "Access is denied");
  if (bearer !== token) return refuse(401, "invalid_token", "Invalid access token");
  const current = request.query.get("aid") ?? GROUPS[0]?.aid;
  if (!GROUPS.some(({ aid }) => aid === current)) return refuse(400, "bad_request", "Invalid account group id");
  const accountGroups = GROUPS.map((group) => ({
    ...group,
    isCurrentAccountGroup: group.aid === current,
    organizationName: "Sandbox",
    orgId: "9000",
  }));
  return json(200, { accountGroups, _links: { self: { href: `https://${HOST}/v7/account-groups` } } });
}

function refuse(status: number, error: string, error_description: string): Answer {
  return json(status, { error, error_description });
}
