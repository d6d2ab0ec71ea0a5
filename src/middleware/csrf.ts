import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { ANONYMOUS } from "../domain/call.ts";
import { AppError } from "../domain/errors.ts";
import type { Settings } from "../domain/settings.ts";
import type { AppEnv } from "./app-env.ts";
import { countRefusal } from "./count-refusal.ts";
import { readSessionCookies } from "./session-cookie.ts";

const CHANGING = new Set(["POST", "PUT", "PATCH", "DELETE"]);
/** They can set our cookie: a stranger's page must not sign a browser in as somebody else. */
const COOKIE_SETTING = new Set(["/api/auth/register", "/api/auth/login", "/api/v1/auth/token", "/signin"]);

/**
 * Refuses changes that another site's page asks a browser for, whatever their content type.
 *
 * Browsers say where a request comes from in `Origin` and `Sec-Fetch-Site`; neither can be set by a page.
 * Requests without our cookie are left alone: a bearer token or a key is never sent by a browser on its own.
 *
 * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export const csrf = createMiddleware<AppEnv>(async (c, next) => {
  const hasCookie = readSessionCookies(c).length > 0;
  if (CHANGING.has(c.req.method) && (hasCookie || COOKIE_SETTING.has(c.req.path))) {
    const origin = c.req.header("origin") ?? null;
    const site = c.req.header("sec-fetch-site") ?? null;
    const isNamed = origin !== null || site !== null;
    const isAllowed = isNamed ? isOurPage(c.var.deps.settings, origin, site) : !hasCookie;
    if (!isAllowed) return await refusePage(c);
  }
  return next();
});

async function refusePage(c: Context<AppEnv>): Promise<never> {
  // Whose cookie it is stays unknown: nothing is proven for a page that may not ask.
  const nobody = { actor: ANONYMOUS, workspaceId: null };
  await countRefusal(c, { action: "auth.forbidden", reason: "foreign_page", ...nobody });
  throw new AppError("forbidden", "This request must come from our own pages.");
}

/** At least one of the two is given. `Origin: null` names no page and is refused. */
function isOurPage(settings: Settings, origin: string | null, site: string | null): boolean {
  const own = new URL(settings.publicUrl).origin;
  const isFrontend = origin !== null && settings.frontendUrls.includes(origin);
  if (origin !== null && origin !== own && !isFrontend) return false;
  // `none`: the person did it, not a page. A frontend of another origin is cross-site or same-site to us.
  if (site === null || site === "same-origin" || site === "none") return true;
  return isFrontend && origin !== own;
}
