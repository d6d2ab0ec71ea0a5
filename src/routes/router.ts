import { createRoute, OpenAPIHono, type RouteConfig } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { type Errand, RefusedPage } from "../console/refused-page.tsx";
import { renderPage } from "../console/render-page.ts";
import { AppError } from "../domain/errors.ts";
import type { ConnectionId } from "../domain/ids.ts";
import type { LimitName } from "../domain/limits.ts";
import type { Permission } from "../domain/permissions.ts";
import type { AppEnv } from "../middleware/app-env.ts";
import { authenticate } from "../middleware/authenticate.ts";
import { authenticateSocket } from "../middleware/authenticate-socket.ts";
import { type OtherProof, unlessProven } from "../middleware/other-proof.ts";
import { limitAddress, limitPrincipal } from "../middleware/rate-limit.ts";
import { strictJson } from "../middleware/strict-json.ts";
import { ErrorSchema } from "./schemas.ts";

/**
 * Who may call a route: `open` = anyone; `any` = any proven caller; `session` = a person's session;
 * a permission = a caller that has it.
 */
export type Access = "open" | "any" | "session" | Permission;

interface Guarded {
  readonly access: Access;
  /** The bucket that counts its calls. Default: `principal`, or `unauthenticated_address` when open; null = not limited. */
  readonly limit?: LimitName | null;
  /** The connection a route is about: read in the round trip that proves the caller, left in `foundConnection`. */
  readonly alongside?: (c: Context<AppEnv>) => ConnectionId | null;
  /** Takes a body of any kind and length, which nothing reads before the route does. */
  readonly rawBody?: boolean;
  /** A cookie alone does not open it: by bearer token or key only. */
  readonly withoutCookie?: boolean;
  /** For callers of the operator's workspace only. */
  readonly operatorOnly?: boolean;
  /** Opened as a WebSocket, which also takes what a browser or a simple client can put in the address. */
  readonly socket?: boolean;
  /** A page for a person at a browser, who is also told of a refusal by a page. */
  readonly errand?: Errand;
  /** Another way in, which proves no caller: there is no `principal` then. */
  readonly opensTo?: OtherProof;
}

/** A group of routes that reports a wrong shape as our 400. */
export function createRouter(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      const details = result.error.issues.map(({ path, message }) => ({ path: path.map(String).join("."), message }));
      throw new AppError("invalid_request", "The request does not have the expected shape.", { details });
    },
  });
}

/** Describes a route: who may call it, how often, what it takes and answers. There is no route without an `access`. */
export function defineRoute<const Config extends RouteConfig & Guarded>(config: Config) {
  const { access, rawBody = false, errand } = config;
  const isJson = !rawBody && !takesForm(config);
  const route = createRoute({
    ...config,
    "x-access": access,
    security: listSecurity(config),
    middleware: [...(errand ? [showPages(errand)] : []), ...guards(config), ...(isJson ? [strictJson] : [])],
    responses: { ...config.responses, default: { description: "Refused", content: jsonContent(ErrorSchema) } },
  });
  // The document is made from the route, and takes OpenAPI's own fields and `x-…` only.
  for (const field of [
    ...["access", "limit", "alongside", "rawBody", "withoutCookie", "operatorOnly", "opensTo", "socket", "errand"],
  ])
    Reflect.deleteProperty(route, field);
  return route;
}

/** What opens it, by the names of openapi.ts; any one of them does, where two stand together only both. */
function listSecurity({ access, withoutCookie = false, socket = false, opensTo }: Guarded): Record<string, string[]>[] {
  if (access === "open") return [];
  // No key ever holds that permission.
  const takesKeys = access !== "session" && access !== "users:manage";
  return [
    { session: [] },
    ...(withoutCookie ? [] : [{ cookie: [] }]),
    ...(takesKeys ? [{ apiKey: [] }, { apiKey: [], actAs: [] }] : []),
    ...(socket ? [{ ticket: [] }, { token: [] }] : []),
    ...(opensTo === undefined ? [] : [{ [opensTo]: [] }]),
  ];
}

/** True for the few routes that a page's own form posts to. */
function takesForm({ request }: RouteConfig): boolean {
  return request?.body?.content["application/x-www-form-urlencoded"] !== undefined;
}

/** The `content` of a JSON body or answer. */
export function jsonContent<Schema>(schema: Schema) {
  return { "application/json": { schema } };
}

/** A JSON body. An absent one counts as `{}`, so it is the schema that says whether a field is needed. */
export function jsonBody<Schema>(schema: Schema) {
  return { required: true as const, content: jsonContent(schema) };
}

/** First of all, so that whatever refuses is told by a page. */
function showPages(errand: Errand): MiddlewareHandler<AppEnv> {
  return (c, next) => {
    c.set("renderRefusal", ({ message }, status) =>
      renderPage(c, RefusedPage({ errand, message, requestId: c.var.requestId }), status),
    );
    return next();
  };
}

/** Who it is, whose failures count for the address; then how often they called. An open route counts the address. */
function guards(config: Guarded): readonly MiddlewareHandler<AppEnv>[] {
  const { access, limit, alongside, withoutCookie = false, operatorOnly = false, opensTo, socket = false } = config;
  if (access === "open") return limit === null ? [] : [limitAddress(limit ?? "unauthenticated_address")];
  const options = { ...(alongside && { alongside }), withoutCookie, operatorOnly };
  const usual = [
    socket ? authenticateSocket(access) : authenticate(access, options),
    ...(limit === null ? [] : [limitPrincipal(limit ?? "principal")]),
  ];
  return opensTo === undefined ? usual : [unlessProven(opensTo, usual)];
}
