import { randomBytes } from "node:crypto";
import type { Route, SandboxContext, SandboxProvider } from "../provider.ts";
import { type Answer, json, readBearer, readForm, type WireRequest } from "../wire.ts";
import { createIssuedTokens } from "./issued-tokens.ts";
import { refuse } from "./tailscale-answers.ts";
import { createTailnetKeys } from "./tailscale-keys.ts";
import { createPolicyFile } from "./tailscale-policy.ts";

const HOST = "api.tailscale.com";
const TAILNET = "sandbox.example.com";
const POWERFUL = "kSandboxCNTRL";
const POWERLESS = "kPowerlessCNTRL";
const PATH = /^\/api\/v2\/tailnet\/([^/]+)\/(devices|acl|keys)(?:\/([\w%-]+))?$/;

const DEVICES = [
  { nodeId: "nSandbox1CNTRL", hostname: "web-1", name: "web-1.tail5a9d.ts.net", os: "linux", isExternal: false },
  { nodeId: "nSandbox2CNTRL", hostname: "db-1", name: "db-1.tail5a9d.ts.net", os: "linux", isExternal: false },
  { nodeId: "nSandbox3CNTRL", hostname: "laptop", name: "laptop.tail77c2.ts.net", os: "macOS", isExternal: true },
];

/** Tailscale's API for one tailnet. @see https://tailscale.com/api */
export function createTailscale(context: SandboxContext): SandboxProvider {
  const secretOf = (id: string) =>
    context.secret(`tailscale-secret-${id}`, () => `tskey-client-${id}-${randomBytes(24).toString("hex")}`);
  const settings = context.tokenSettings({ provider: "tailscale", expires_in: 3600, rotate: false, grace_seconds: 0 });
  const issued = createIssuedTokens(context, "tailscale");
  const policy = createPolicyFile(context);
  const keys = createTailnetKeys(context, policy.hasTag);

  function issueToken(request: WireRequest): Answer {
    const form = readForm(request);
    const id = form?.get("client_id") ?? "";
    if (form?.get("grant_type") !== "client_credentials") return refuse(400, "unsupported grant type");
    const isKnown = [POWERFUL, POWERLESS].includes(id) && form.get("client_secret") === secretOf(id);
    if (!isKnown) return refuse(401, "API token invalid");
    const { expires_in } = settings();
    const scope = id === POWERFUL ? "devices:core policy_file auth_keys" : "dns:read";
    return json(200, {
      access_token: issued.issue("tskey-api-", id, expires_in),
      token_type: "Bearer",
      expires_in,
      scope,
    });
  }

  /** Who asks, for which tailnet, in Tailscale's order. */
  function guard(request: WireRequest): Answer | null {
    const client = issued.find(readBearer(request));
    if (client === null) return refuse(401, "API token invalid");
    const tailnet = decodeURIComponent(PATH.exec(request.path)?.[1] ?? "");
    if (tailnet !== "-" && tailnet !== TAILNET) return refuse(404, "tailnet not found");
    return client === POWERFUL
      ? null
      : refuse(403, "calling actor does not have enough permissions to perform this function");
  }

  const route = (method: Route["method"], what: string, endpoint: Route["endpoint"], handle: Handle): Route => ({
    method,
    host: HOST,
    path: new RegExp(`^/api/v2/tailnet/[^/]+/${what}$`),
    endpoint,
    handle: (request) => guard(request) ?? handle(request, PATH.exec(request.path)?.[3] ?? ""),
  });
  return {
    id: "tailscale",
    origins: [`https://${HOST}`],
    settings: {},
    credentials: () => ({ client_id: POWERFUL, client_secret: secretOf(POWERFUL), tailnet: TAILNET }),
    refusedCredentials: () => ({ client_id: POWERLESS, client_secret: secretOf(POWERLESS), tailnet: TAILNET }),
    routes: [
      { method: "POST", host: HOST, path: "/api/v2/oauth/token", endpoint: "token", handle: issueToken },
      route("GET", "devices", "api", () => json(200, { devices: DEVICES })),
      route("GET", "acl", "api", policy.read),
      route("POST", "acl", "api", policy.write),
      route("POST", "keys", "api", keys.create),
      route("GET", "keys/[\\w%-]+", "api", keys.read),
      route("DELETE", "keys/[\\w%-]+", "revoke", keys.remove),
    ],
  };
}

type Handle = (request: WireRequest, id: string) => Answer;
