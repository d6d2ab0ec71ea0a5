import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { addressKey } from "../domain/address.ts";
import { type AuditEntry, UNAUTHENTICATED_CHAIN } from "../domain/audit-event.ts";
import { ANONYMOUS, actorOf } from "../domain/call.ts";
import { AppError } from "../domain/errors.ts";
import type { LimitDecision, LimitName } from "../domain/limits.ts";
import { type Principal, principalKey } from "../domain/principal.ts";
import type { AppEnv } from "./app-env.ts";

/** Counts the calls of an address: an IPv4 address, or the /64 an IPv6 address is in. */
export function limitAddress(name: LimitName): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    await takeOrRefuse(c, name, addressKey(c.var.ip));
    await next();
  };
}

/** Counts the calls of whoever was proven; a key that acts for a user is counted apart from that user. */
export function limitPrincipal(name: LimitName): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    await takeOrRefuse(c, name, principalKey(c.var.principal));
    await next();
  };
}

/**
 * Counts one call of `key` and says in the answer's headers what is left.
 *
 * @throws `rate_limited` when nothing is left; the headers stay on the error.
 */
export async function takeOrRefuse(c: Context<AppEnv>, name: LimitName, key: string): Promise<void> {
  const decision = await c.var.deps.limiter.take(name, key);
  c.header("RateLimit-Limit", String(decision.limit));
  c.header("RateLimit-Remaining", String(decision.remaining));
  c.header("RateLimit-Reset", String(decision.resetSeconds));
  if (decision.degraded) await auditDegraded(c, name);
  if (decision.allowed) return;
  await auditExceeded(c, name, key, decision);
  throw new AppError("rate_limited", `Too many requests; try again in ${decision.resetSeconds} s.`, {
    retryAfterSeconds: decision.resetSeconds,
  });
}

async function auditExceeded(c: Context<AppEnv>, name: LimitName, key: string, decision: LimitDecision): Promise<void> {
  const { audit, sha256 } = c.var.deps;
  // On an open route nobody is known yet, whatever the type of the variable says.
  const principal: Principal | undefined = c.var.principal;
  const entry = {
    ...refusalOf(c, principal),
    action: "limit.exceeded",
    detail: { limit: name, max: decision.limit },
  } as const satisfies AuditEntry;
  // Hashed: the key of an account bucket can hold an email.
  await audit.count(
    principal?.workspaceId ?? UNAUTHENTICATED_CHAIN,
    `limit.exceeded:${name}:${await sha256(key)}`,
    entry,
  );
}

function auditDegraded(c: Context<AppEnv>, name: LimitName): Promise<void> {
  const entry = {
    ...refusalOf(c, undefined),
    actor: { type: "system", id: null },
    ip: null,
    action: "limiter.degraded",
    detail: { limit: name },
  } as const satisfies AuditEntry;
  return c.var.deps.audit.count(UNAUTHENTICATED_CHAIN, `limiter.degraded:${name}`, entry);
}

function refusalOf(c: Context<AppEnv>, principal: Principal | undefined): Omit<AuditEntry, "action" | "detail"> {
  return {
    outcome: "failure",
    actor: principal === undefined ? ANONYMOUS : actorOf(principal),
    // The pattern, not the path: a path can hold a ticket.
    resource: { type: "route", id: `${c.req.method} ${routePath(c)}` },
    ip: c.var.ip,
    requestId: c.var.requestId,
  };
}
