import { randomBytes } from "node:crypto";
import type { SandboxContext, SandboxProvider } from "../provider.ts";
import { type Answer, json, readBearer, type WireRequest } from "../wire.ts";

const HOST = "app.netdata.cloud";
const USER = { id: "0b6ad1f5-7c8e-4f39-b2d4-90e1a3c5b7d8", email: "demo@example.com", name: "Sandbox", avatarURL: "" };

/**
 * A Netdata Cloud user with a token for everything and one for another purpose.
 * @see https://learn.netdata.cloud/docs/netdata-cloud/api-tokens
 */
export function createNetdata(context: SandboxContext): SandboxProvider {
  const token = context.secret("netdata-token", createToken);
  const narrow = context.secret("netdata-narrow-token", createToken);
  return {
    id: "netdata",
    origins: [`https://${HOST}`],
    settings: {},
    credentials: () => ({ api_token: token, base_url: `https://${HOST}` }),
    refusedCredentials: () => ({ api_token: narrow, base_url: `https://${HOST}` }),
    routes: [
      {
        method: "GET",
        host: HOST,
        path: "/api/v2/accounts/me",
        endpoint: "api",
        handle: (request) => readUser(request, token, narrow),
      },
    ],
  };
}

function readUser(request: WireRequest, token: string, narrow: string): Answer {
  const bearer = readBearer(request);
  if (bearer === token) return json(200, USER);
  if (bearer === narrow) return refuse(403, "ErrForbidden", "forbidden");
  return refuse(401, "ErrUnauthenticated", "unauthenticated");
}

function refuse(status: number, errorCode: string, errorMessage: string): Answer {
  return json(status, { errorCode, errorMessage, errorMsgKey: errorCode });
}

function createToken(): string {
  return randomBytes(48).toString("base64url");
}
