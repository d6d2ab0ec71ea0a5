import { createHash, randomBytes } from "node:crypto";
import type { SandboxContext, SandboxProvider } from "../provider.ts";
import { type Answer, json, readBearer, type WireRequest } from "../wire.ts";

const HOST = "demo.grafana.net";
const ORGANIZATION = {
  id: 1,
  name: "Sandbox Org",
  address: { address1: "", address2: "", city: "", zipCode: "", state: "", country: "" },
};

/**
 * A Grafana Cloud stack with two service accounts: one that may read the organisation and one that may not.
 * @see https://grafana.com/docs/grafana/latest/developers/http_api/org/#get-current-organization
 */
export function createGrafana(context: SandboxContext): SandboxProvider {
  const token = context.secret("grafana-token", createToken);
  const powerless = context.secret("grafana-powerless-token", createToken);
  return {
    id: "grafana",
    origins: [`https://${HOST}`],
    settings: {},
    credentials: () => ({ base_url: `https://${HOST}`, service_account_token: token }),
    refusedCredentials: () => ({ base_url: `https://${HOST}`, service_account_token: powerless }),
    routes: [
      {
        method: "GET",
        host: HOST,
        path: "/api/org",
        endpoint: "api",
        handle: (request) => readOrganization(request, token, powerless),
      },
    ],
  };
}

function readOrganization(request: WireRequest, token: string, powerless: string): Answer {
  const bearer = readBearer(request);
  if (!bearer)
    return json(401, { message: "Unauthorized", messageId: "auth.unauthorized", statusCode: 401, traceID: "" });
  if (bearer === token) return json(200, ORGANIZATION);
  if (bearer !== powerless) {
    return json(401, { message: "Invalid API key", messageId: "api-key.invalid", statusCode: 401, traceID: "" });
  }
  return json(403, {
    accessErrorId: "ACE0000000001",
    message: "You'll need additional permissions to perform this action. Permissions needed: orgs:read",
    title: "Access denied",
  });
}

/** `glsa_`, 32 characters, `_` and a checksum of 8 hex digits. */
function createToken(): string {
  const secret = randomBytes(24).toString("base64url").replace(/[-_]/g, "x");
  return `glsa_${secret}_${createHash("sha256").update(secret).digest("hex").slice(0, 8)}`;
}
