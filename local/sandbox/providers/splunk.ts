import { randomBytes } from "node:crypto";
import type { SandboxContext, SandboxProvider } from "../provider.ts";
import { type Answer, json, readBearer, type WireRequest } from "../wire.ts";

/** The management port is a part of the address. */
const HOST = "splunk.demo.example:8089";

/**
 * A Splunk Enterprise with two users' tokens: an administrator's, and one whose role has no access to REST.
 * @see https://docs.splunk.com/Documentation/Splunk/latest/RESTREF/RESTsystem
 */
export function createSplunk(context: SandboxContext): SandboxProvider {
  const token = context.secret("splunk-token", createToken);
  const powerless = context.secret("splunk-powerless-token", createToken);
  const route = { method: "GET", host: HOST, endpoint: "api" } as const;
  return {
    id: "splunk",
    origins: [`https://${HOST}`],
    settings: {},
    credentials: () => ({ base_url: `https://${HOST}`, api_token: token }),
    refusedCredentials: () => ({ base_url: `https://${HOST}`, api_token: powerless }),
    routes: [
      { ...route, path: "/services/server/info", handle: describeServer },
      {
        ...route,
        path: "/services/authentication/current-context",
        handle: (request) => describeUser(request, token, powerless),
      },
    ],
  };
}

/** Splunk tells anyone, which is why this answer proves no token. */
function describeServer(request: WireRequest): Answer {
  const content = { serverName: "sandbox", version: "9.4.0", guid: "6A1B2C3D-4E5F-4A6B-8C7D-9E0F1A2B3C4D" };
  return answerEntry(request, "server-info", { ...content, product_type: "enterprise", isFree: false });
}

function describeUser(request: WireRequest, token: string, powerless: string): Answer {
  const bearer = readBearer(request);
  if (bearer === token) {
    return answerEntry(request, "context", { username: "admin", realname: "Sandbox", roles: ["admin"] });
  }
  if (bearer !== powerless) return refuse(401, "WARN", "call not properly authenticated");
  const needed = "requires capability: rest_access_server_endpoints";
  return refuse(403, "ERROR", `You do not have permission to perform this operation (${needed}).`);
}

/** Without `output_mode=json` it is Atom. */
function answerEntry(request: WireRequest, name: string, content: Record<string, unknown>): Answer {
  if (request.query.get("output_mode") === "json") return json(200, { entry: [{ name, content }], messages: [] });
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"></feed>`;
  return { status: 200, headers: { "content-type": "text/xml; charset=UTF-8" }, body };
}

function refuse(status: number, type: string, text: string): Answer {
  return json(status, { messages: [{ type, text }] });
}

function createToken(): string {
  const part = (bytes: number) => randomBytes(bytes).toString("base64url");
  return `eyJraWQiOiJzcGx1bmsuc2VjcmV0IiwiYWxnIjoiSFM1MTIifQ.${part(120)}.${part(64)}`;
}
