import type { Context, MiddlewareHandler } from "hono";
import { AppError } from "../domain/errors.ts";
import { redeemTicket } from "../services/alerts/tickets.ts";
import { authenticateCaller, type PresentedCredentials } from "../services/identity/authenticate-caller.ts";
import { type Refused, refuse } from "../services/identity/authentication.ts";
import type { AppEnv } from "./app-env.ts";
import { type Access, letIn, readPresented } from "./authenticate.ts";

/** What opens a socket: a ticket alone, or what opens everything else. */
type Shown = { readonly ticket: string } | { readonly presented: PresentedCredentials } | Refused;

/**
 * Lets proven callers open a socket. A browser sends our cookie with a socket that any page asks for and lets no page set
 * a header: so a cookie counts on our own pages only, and other pages have a ticket. `?token=` is for clients that are no
 * browser: those send no `Origin`.
 *
 * @see docs/decisions/token-in-the-address-of-a-socket.md
 */
export function authenticateSocket(access: Access): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const shown = readShown(c);
    if ("ok" in shown) await letIn(c, shown, access);
    else if ("ticket" in shown) await letIn(c, await redeemTicket(c.var.deps, shown.ticket), access);
    else await letIn(c, await authenticateCaller(c.var.deps, shown.presented, null), access);
    return await next();
  };
}

function readShown(c: Context<AppEnv>): Shown {
  const presented = readPresented(c);
  const [tickets, tokens] = [c.req.queries("ticket") ?? [], c.req.queries("token") ?? []];
  const inAddress = [...tickets, ...tokens];
  const [ticket] = tickets;
  // A ticket says whom it acts for; a header that says so as well would be one too many.
  const inHeaders = [presented.bearer, presented.apiKey, ticket === undefined ? null : presented.actAs];
  if (inAddress.length > 1 || (inAddress.length === 1 && inHeaders.some((header) => header !== null))) {
    return refuse("several_credentials", new AppError("invalid_request", "Present one credential."));
  }
  if (ticket !== undefined) return { ticket };

  const origin = c.req.header("origin") ?? null;
  if (tokens.length > 0 && origin !== null) {
    return refuse("token_with_origin", new AppError("forbidden", "Pages must use a ticket, not ?token=."));
  }
  if (presented.cookies.length > 0 && origin !== new URL(c.var.deps.settings.publicUrl).origin) {
    return refuse("foreign_origin", new AppError("forbidden", "This socket must be opened by our own pages."));
  }
  return { presented: { ...presented, bearer: tokens[0] ?? presented.bearer } };
}
