import type { Call, CallLog } from "./calls.ts";
import { findRoute } from "./find-route.ts";
import type { Endpoint, Route, SandboxProvider } from "./provider.ts";
import { type Answer, json, readForm, type WireRequest } from "./wire.ts";

/** A call that was recognised and recorded, and how to answer it. */
export interface PlayedCall {
  /** Null for the sandbox's own pages, which are not counted. */
  readonly call: Call | null;
  readonly provider: string;
  readonly endpoint: Endpoint | null;
  readonly answer: () => Promise<Answer>;
}

/** Finds who plays this request and records it; nothing is done for the caller until `answer` is called. */
export function recogniseCall(
  providers: readonly SandboxProvider[],
  calls: CallLog,
  request: WireRequest,
  now: () => number,
): PlayedCall {
  const found = findRoute(providers, request);
  const provider = found?.provider.id ?? "unknown";
  const endpoint = found?.route ? endpointOf(found.route, request) : null;
  const isPage = found?.route !== null && found?.route !== undefined && endpoint === null;
  const call = isPage ? null : calls.begin(describe(request, provider, endpoint, now()));
  if (found?.route) return { call, provider, endpoint, answer: () => play(found.route as Route, request) };
  return { call, provider, endpoint, answer: async () => refuse(request, found?.allowedMethods ?? null) };
}

async function play(route: Route, request: WireRequest): Promise<Answer> {
  try {
    return await route.handle(request);
  } catch {
    // What went wrong may quote a token, so it is not printed; the path tells a developer where to look.
    return json(500, { error: "sandbox_failed", error_description: `${request.host}${request.path} threw` });
  }
}

function refuse(request: WireRequest, allowedMethods: readonly string[] | null): Answer {
  const target = `${request.method} https://${request.host}${request.path}`;
  if (!allowedMethods) return json(404, { error: `the sandbox does not play ${target}` });
  return json(405, { error: `method not allowed: ${target}` }, { allow: allowedMethods.join(", ") });
}

function endpointOf({ endpoint }: Route, request: WireRequest): Endpoint | null {
  return typeof endpoint === "function" ? endpoint(request) : endpoint;
}

function describe(
  request: WireRequest,
  provider: string,
  endpoint: Endpoint | null,
  nowMs: number,
): Omit<Call, "status"> {
  const { method, host, path } = request;
  const grantType = endpoint === "token" ? readForm(request)?.get("grant_type") : null;
  const at = new Date(nowMs).toISOString();
  return { provider, endpoint, ...(grantType ? { grant_type: grantType } : {}), method, host, path, at };
}
