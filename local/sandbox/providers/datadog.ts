import { randomBytes, randomUUID } from "node:crypto";
import type { SandboxContext, SandboxProvider } from "../provider.ts";
import { type Answer, json, type WireRequest } from "../wire.ts";

const SITES = [
  ...["datadoghq.com", "us3.datadoghq.com", "us5.datadoghq.com", "datadoghq.eu", "ap1.datadoghq.com"],
  ...["ap2.datadoghq.com", "uk1.datadoghq.com", "ddog-gov.com", "us2.ddog-gov.com"],
];
const HOST = /^api\.(?:[a-z0-9]+\.)?(?:datadoghq\.com|datadoghq\.eu|ddog-gov\.com)$/;
/** An organisation lives at one site; its keys are unknown at the others. */
const HOME = "datadoghq.com";
const ORGANIZATION_ID = "4f6b1c7e-9d20-4e53-8a1b-c05d7e93f2a8";

interface Keys {
  readonly api: string;
  readonly app: string;
  /** An application key whose scopes allow nothing that was asked. */
  readonly scoped: string;
}

/**
 * A Datadog organisation with one API key and two application keys.
 * @see https://docs.datadoghq.com/api/latest/authentication/ and https://docs.datadoghq.com/api/latest/users/#get-current-user
 */
export function createDatadog(context: SandboxContext): SandboxProvider {
  const keys = {
    api: context.secret("datadog-api-key", () => randomBytes(16).toString("hex")),
    app: context.secret("datadog-app-key", () => randomBytes(20).toString("hex")),
    scoped: context.secret("datadog-scoped-app-key", () => randomBytes(20).toString("hex")),
  };
  const route = { method: "GET", host: HOST, endpoint: "api" } as const;
  return {
    id: "datadog",
    origins: SITES.map((site) => `https://api.${site}`),
    settings: {},
    credentials: () => ({ api_key: keys.api, app_key: keys.app, site: HOME }),
    refusedCredentials: () => ({ api_key: keys.api, app_key: keys.scoped, site: HOME }),
    routes: [
      {
        ...route,
        path: "/api/v1/validate",
        handle: (request) => refuseApiKey(request, keys) ?? json(200, { valid: true }),
      },
      { ...route, path: "/api/v2/current_user", handle: (request) => readUser(request, keys) },
    ],
  };
}

function readUser(request: WireRequest, keys: Keys): Answer {
  const refusal = refuseApiKey(request, keys);
  if (refusal) return refusal;
  const key = request.headers["dd-application-key"];
  if (key !== keys.app) return json(403, { errors: ["Forbidden"] });
  const user = { name: "Sandbox", handle: "demo@example.com", email: "demo@example.com", disabled: false };
  const relationships = { org: { data: { type: "orgs", id: ORGANIZATION_ID } }, roles: { data: [] } };
  return json(200, { data: { type: "users", id: randomUUID(), attributes: user, relationships } });
}

/** It does not look at the application key: that is why a valid answer proves one key only. */
function refuseApiKey({ headers, host }: WireRequest, { api }: Keys): Answer | null {
  if (host === `api.${HOME}` && headers["dd-api-key"] === api) return null;
  return json(403, { status: "error", code: 403, errors: ["Forbidden"] });
}
