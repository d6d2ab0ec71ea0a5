import { z } from "@hono/zod-openapi";
import { renderPage } from "../console/render-page.ts";
import { ResultPage } from "../console/result-page.tsx";
import { SignInPage } from "../console/sign-in-page.tsx";
import { isPlainText } from "../domain/plain-text.ts";
import { RESULT_PATH } from "../services/consent/return-to.ts";
import { beginSession } from "./begin-session.ts";
import { createRouter, defineRoute } from "./router.ts";

const MAX_RETURN_CHARACTERS = 500;
/** Only our own pages: one leading slash, nothing a browser could read as a host. */
const OWN_PATH = /^\/(?![/\\])[A-Za-z0-9._~/?=&%-]*$/;
const plainText = z.string().refine(isPlainText, "must be plain text");
const PAGE = { description: "A page" };

const showSignIn = defineRoute({
  method: "get",
  path: "/signin",
  summary: "The sign-in form",
  access: "open",
  errand: "sign in",
  request: { query: z.object({ return_to: z.string().optional() }) },
  responses: { 200: PAGE },
});

const signIn = defineRoute({
  method: "post",
  path: "/signin",
  summary: "Sign a browser in and send it on",
  access: "open",
  limit: "login_address",
  errand: "sign in",
  request: {
    body: {
      required: true,
      content: {
        "application/x-www-form-urlencoded": {
          schema: z.object({ email: plainText, password: plainText, return_to: z.string().optional() }),
        },
      },
    },
  },
  responses: { 303: { description: "Signed in, on to the page asked for" }, 401: PAGE },
});

const showResult = defineRoute({
  method: "get",
  path: RESULT_PATH,
  summary: "How a consent ended",
  access: "open",
  errand: "connect an account",
  request: {
    query: z.object({ login: z.string().optional(), error: z.string().optional(), stored: z.string().optional() }),
  },
  responses: { 200: PAGE },
});

/** The few pages a person meets while connecting an account. */
export const pageRoutes = createRouter()
  .openapi(showSignIn, (c) => {
    const returnTo = ownPath(c.req.valid("query").return_to);
    return renderPage(c, SignInPage({ returnTo, email: "", problem: null }));
  })
  .openapi(signIn, async (c) => {
    const { email, password, return_to } = c.req.valid("form");
    const returnTo = ownPath(return_to);
    // Whoever is refused tries again where they are.
    c.set("renderRefusal", ({ message }, status) =>
      renderPage(c, SignInPage({ returnTo, email, problem: message }), status),
    );
    await beginSession(c, email.toLowerCase(), password);
    return c.redirect(returnTo, 303);
  })
  .openapi(showResult, (c) => {
    const { login = "", error = null, stored } = c.req.valid("query");
    return renderPage(c, ResultPage({ login, error, isStoredLater: stored === "later" }));
  });

function ownPath(raw: string | undefined): string {
  const isOwn = raw !== undefined && raw.length <= MAX_RETURN_CHARACTERS && OWN_PATH.test(raw);
  return isOwn ? raw : RESULT_PATH;
}
