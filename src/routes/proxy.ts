import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { readId, requireId } from "../domain/ids.ts";
import { selectAnswerHeaders } from "../domain/proxy-request.ts";
import type { AppEnv } from "../middleware/app-env.ts";
import { forwardRequest } from "../services/proxy/forward-request.ts";
import { callerOf } from "./caller.ts";
import { createRouter, defineRoute } from "./router.ts";

const METHODS = ["get", "head", "post", "put", "patch", "delete"] as const;
type Method = (typeof METHODS)[number];
const WITH_BODY: readonly Method[] = ["post", "put", "patch", "delete"];
/** As the router has it: the rest of the path, slashes and all. */
const PATH = "/api/v1/proxy/:connection_id/:path{.*}";
/** Answers that have no body, whatever came. */
const BODILESS_STATUSES = [204, 205, 304];

const anything = z.any().openapi({ type: "string", format: "binary" });

function describe(method: Method) {
  return defineRoute({
    method,
    path: "/api/v1/proxy/{connection_id}/{path}",
    summary: `Send a ${method.toUpperCase()} to the provider with the credential injected`,
    access: "tokens:read",
    limit: "token_read",
    rawBody: true,
    withoutCookie: true,
    alongside: (c) => readId("con", c.req.param("connection_id")),
    request: {
      params: z.object({
        connection_id: z.string(),
        path: z.string().openapi({ description: "Sent on as it is, slashes and query too; no dot segments" }),
      }),
      headers: z.object({
        "X-Proxy-Host": z.string().optional().openapi({ description: "One of the provider's `api_hosts`" }),
      }),
      ...(WITH_BODY.includes(method) && { body: { content: { "*/*": { schema: anything } } } }),
    },
    responses: {
      200: {
        description: "Whatever the provider answered, with its status in `X-Upstream-Status`",
        ...(method !== "head" && { content: { "*/*": { schema: anything } } }),
      },
    },
  });
}

/** Calls to a provider's API in a connection's name; the credential stays here. */
export const proxyRoutes = createRouter();
for (const method of METHODS) {
  const { middleware, ...route } = describe(method);
  proxyRoutes.openAPIRegistry.registerPath(route);
  // A HEAD runs the handlers of GET, which see what it is.
  if (method !== "head") proxyRoutes.on(method.toUpperCase(), [PATH], ...middleware, forward);
}

async function forward(c: Context<AppEnv>): Promise<Response> {
  const { raw } = c.req;
  const answer = await forwardRequest(
    c.var.deps,
    callerOf(c),
    {
      connectionId: requireId("con", c.req.param("connection_id")),
      method: raw.method,
      url: raw.url,
      headers: raw.headers,
      body: { content: raw.body, bytes: readLength(c.req.header("content-length")) },
      host: c.req.header("x-proxy-host") ?? null,
    },
    c.var.foundConnection,
  );
  const isBodiless = raw.method === "HEAD" || BODILESS_STATUSES.includes(answer.status);
  const headers = selectAnswerHeaders(answer.headers, answer.status);
  const relayed = new Response(isBodiless ? null : answer.body, { status: answer.status, headers });
  return c.newResponse(relayed.body, relayed);
}

function readLength(header: string | undefined): number | null {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : null;
}
