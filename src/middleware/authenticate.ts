import type { Context, MiddlewareHandler } from "hono";
import { addressKey } from "../domain/address.ts";
import { entryOf } from "../domain/call.ts";
import { AppError } from "../domain/errors.ts";
import type { ConnectionId } from "../domain/ids.ts";
import type { Permission } from "../domain/permissions.ts";
import type { Principal } from "../domain/principal.ts";
import { authenticateCaller, type PresentedCredentials } from "../services/identity/authenticate-caller.ts";
import { type Authentication, type Refused, refuse, unauthenticated } from "../services/identity/authentication.ts";
import type { AppEnv } from "./app-env.ts";
import { countRefusal } from "./count-refusal.ts";
import { takeOrRefuse } from "./rate-limit.ts";
import { readSessionCookies } from "./session-cookie.ts";

/** `any` = whoever is proven; `session` = a person's session; otherwise the permission it needs. */
export type Access = "any" | "session" | Permission;

interface AuthenticateOptions {
  /** The connection a route is about: read in the round trip that proves the caller, left in `foundConnection`. */
  readonly alongside?: (c: Context<AppEnv>) => ConnectionId | null;
  /** A cookie alone proves nobody here: no page of a browser may use the route, whoever is signed in. */
  readonly withoutCookie?: boolean;
  /** Only callers of the operator's workspace pass. */
  readonly operatorOnly?: boolean;
}

/** RFC 6750: the scheme in any case, one space or more, one token. */
const BEARER = /^bearer +([^\s,]+)$/i;

/** Lets proven callers through who may use the route, and leaves them in `principal`. */
export function authenticate(access: Access, options: AuthenticateOptions = {}): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const { deps } = c.var;
    const presented = readPresented(c);
    if (options.withoutCookie && presented.bearer === null && presented.apiKey === null) {
      return await refuseCaller(c, refuse("no_credential", unauthenticated()));
    }
    await letIn(c, await authenticateCaller(deps, presented, options.alongside?.(c) ?? null), access, options);
    return await next();
  };
}

/** Leaves a proven caller who may use the route in `principal`. @throws whatever it is refused for, once it is counted */
export async function letIn(
  c: Context<AppEnv>,
  caller: Authentication,
  access: Access,
  options: AuthenticateOptions = {},
): Promise<void> {
  const { deps } = c.var;
  if (!caller.ok) return await refuseCaller(c, caller);
  const { principal, connection } = caller;
  c.set("principal", principal);
  c.set("foundConnection", connection);
  const { credential, workspaceId } = principal;
  if (credential.kind === "api_key") deps.keySightings.note(workspaceId, credential.keyId, c.var.ip);
  const refused = findAccessProblem(principal, access) ?? findOperatorProblem(c, principal, options);
  if (refused) return await refuseCaller(c, refused);
  if (principal.impersonatedBy !== null) await auditImpersonation(c, principal);
}

/**
 * What the request presents. A header that is empty counts as absent; one that holds anything else is a credential,
 * and is refused when it is not a good one. An empty `X-User-ID` names nobody and so is no user of any key.
 */
export function readPresented(c: Context<AppEnv>): PresentedCredentials {
  return {
    bearer: readBearer(c.req.header("authorization") ?? ""),
    cookies: readSessionCookies(c),
    apiKey: c.req.header("x-api-key") || null,
    actAs: c.req.header("x-user-id") ?? null,
  };
}

function readBearer(header: string): string | null {
  if (header === "") return null;
  return BEARER.exec(header)?.[1] ?? "";
}

function findAccessProblem(principal: Principal, access: Access): Refused | null {
  if (access === "any") return null;
  if (access === "session") {
    if (principal.credential.kind === "session") return null;
    return refuse(
      "not_a_session",
      new AppError("forbidden", "This needs a session, not an API key or token."),
      principal,
    );
  }
  if (principal.permissions.includes(access)) return null;
  return refuse("missing_permission", new AppError("forbidden", `This needs the permission ${access}.`), principal);
}

function findOperatorProblem(
  c: Context<AppEnv>,
  principal: Principal,
  { operatorOnly = false }: AuthenticateOptions,
): Refused | null {
  if (!operatorOnly || principal.workspaceId === c.var.deps.settings.operatorWorkspaceId) return null;
  const error = new AppError("forbidden", "This is for the operator's workspace only.");
  return refuse("not_the_operator", error, principal);
}

/** Counts the refusal, for the address and in the audit log, and throws it. */
async function refuseCaller(c: Context<AppEnv>, refused: Refused): Promise<never> {
  const { error, reason, actor, workspaceId } = refused;
  const isProven = error.code === "forbidden" || error.code === "not_found";
  // Refused callers never reach the limit of their own, so their address is counted.
  await takeOrRefuse(c, "unauthenticated_address", addressKey(c.var.ip));

  await countRefusal(c, { action: isProven ? "auth.forbidden" : "auth.failed", actor, workspaceId, reason });
  throw error;
}

function auditImpersonation(c: Context<AppEnv>, principal: Principal): Promise<void> {
  const { workspaceId, impersonatedBy, id } = principal;
  const entry = entryOf("auth.impersonated", principal, { type: "user", id }, c.var);
  return c.var.deps.audit.count(workspaceId, `auth.impersonated:${impersonatedBy}>${id}`, entry);
}
