import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { HANDSHAKE_SECONDS } from "../domain/handshake.ts";
import type { AppEnv } from "../middleware/app-env.ts";
import { readSessionCookies } from "../middleware/session-cookie.ts";
import { findBrowserUser } from "../services/consent/browser-user.ts";
import { completeConsent } from "../services/consent/complete-consent.ts";
import { finishConsent } from "../services/consent/finish-consent.ts";
import { bindingCookieName, openConsentLink } from "../services/consent/open-consent-link.ts";
import { startConsent } from "../services/consent/start-consent.ts";
import { readSetups } from "../services/gcp-setup/read-setups.ts";
import { callerOf } from "./caller.ts";
import { ConnectionSchema, renderConnection } from "./connection-schemas.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";

const MAX_SCOPES = 50;
const MAX_OPTION_CHARACTERS = 200;
const ELSEWHERE = { description: "Elsewhere, by the Location header" };

const authorize = defineRoute({
  method: "post",
  path: "/api/v1/providers/{provider}/authorize",
  summary: "Begin a consent and get the link its browser opens",
  access: "connections:write",
  limit: "connect",
  request: {
    params: z.object({ provider: z.string() }),
    body: jsonBody(
      z
        .strictObject({
          return_to: z.string().optional(),
          scopes: z
            .array(z.string().regex(/^[\x21-\x7e]{1,200}$/))
            .min(1)
            .max(MAX_SCOPES)
            .optional(),
          mode: z.enum(["session", "verify"]).optional(),
          options: z.record(z.string(), z.string().max(MAX_OPTION_CHARACTERS)).optional(),
        })
        .openapi("ConsentRequest"),
    ),
  },
  responses: {
    200: {
      description: "The link",
      content: jsonContent(z.object({ login_url: z.string(), expires_in: z.int() }).openapi("ConsentLink")),
    },
  },
});

const open = defineRoute({
  method: "get",
  path: "/connect/{ticket}",
  summary: "The consent link: binds the browser and sends it to the provider",
  access: "open",
  errand: "connect an account",
  request: { params: z.object({ ticket: z.string() }) },
  responses: { 302: ELSEWHERE },
});

const callback = defineRoute({
  method: "get",
  path: "/api/v1/oauth/{provider}/callback",
  summary: "Where providers send the browser back to",
  access: "open",
  limit: "callback_address",
  errand: "connect an account",
  request: { params: z.object({ provider: z.string() }) },
  responses: { 302: ELSEWHERE },
});

const complete = defineRoute({
  method: "post",
  path: "/api/v1/oauth/complete",
  summary: "Connect what a consent in mode verify brought",
  access: "connections:write",
  limit: "connect",
  request: { body: jsonBody(z.strictObject({ connect_code: z.string() }).openapi("ConsentCompletion")) },
  responses: { 201: { description: "Connected", content: jsonContent(ConnectionSchema) } },
});

/** Consents: begun by a caller, given in a browser, finished here. */
export const oauthRoutes = createRouter()
  .openapi(authorize, async (c) => {
    const { return_to = null, scopes = null, mode = null, options = {} } = c.req.valid("json");
    const { provider } = c.req.valid("param");
    const link = await startConsent(c.var.deps, callerOf(c), provider, { returnTo: return_to, scopes, mode, options });
    return c.json({ login_url: link.loginUrl, expires_in: link.expiresInSeconds }, 200);
  })
  .openapi(open, (c) => openLink(c, c.req.valid("param").ticket))
  .openapi(callback, (c) => finish(c, c.req.valid("param").provider))
  .openapi(complete, async (c) => {
    const connection = await completeConsent(c.var.deps, callerOf(c), c.req.valid("json").connect_code);
    const setups = await readSetups(c.var.deps, c.var.principal, [connection]);
    return c.json(renderConnection(connection, c.var.deps.now(), setups.get(connection.id)), 201);
  });

async function openLink(c: Context<AppEnv>, ticket: string): Promise<Response> {
  const user = await findBrowserUser(c.var.deps, readSessionCookies(c));
  const opening = await openConsentLink(c.var.deps, ticket, user, (name) => getCookie(c, name) ?? null, c.var);
  if (opening.kind === "sign_in") return c.redirect(`/signin?${new URLSearchParams({ return_to: c.req.path })}`);
  const { cookieName, cookieValue, location } = opening;
  setCookie(c, cookieName, cookieValue, {
    path: "/",
    secure: true,
    httpOnly: true,
    sameSite: "Lax",
    maxAge: HANDSHAKE_SECONDS,
  });
  return c.redirect(location);
}

/** Ends the consent of this callback; also for the seed's own callback paths. */
export async function finish(c: Context<AppEnv>, provider: string): Promise<Response> {
  const location = await finishConsent(
    c.var.deps,
    {
      provider,
      path: c.req.path,
      query: new URL(c.req.url).searchParams,
      sessionUser: await findBrowserUser(c.var.deps, readSessionCookies(c)),
      readCookie: (name) => getCookie(c, name) ?? null,
      origin: { ip: c.var.ip, requestId: c.var.requestId },
    },
    bindingCookieName,
  );
  return c.redirect(location);
}
