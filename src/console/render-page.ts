import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { toHex } from "../domain/ids.ts";
import type { AppEnv } from "../middleware/app-env.ts";
import { Layout } from "./layout.tsx";

const NONCE_BYTES = 16;

/** A page's body and its title. */
export interface Page {
  readonly title: string;
  readonly body: unknown;
}

/**
 * Renders a page that loads nothing: one style sheet in the page itself, no script.
 *
 * A form posts to us; the answer may lead on to a provider's page, which browsers count as the form's own target,
 * so https targets are allowed and, outside production, the stand-ins of `PROVIDER_ORIGINS`.
 */
export function renderPage(c: Context<AppEnv>, page: Page, status: ContentfulStatusCode = 200): Response {
  const nonce = toHex(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
  const targets = ["'self'", "https:", ...c.var.deps.settings.standInOrigins].join(" ");
  c.header(
    "Content-Security-Policy",
    `default-src 'none'; style-src 'nonce-${nonce}'; form-action ${targets}; frame-ancestors 'none'; base-uri 'none'`,
  );
  return c.html(`<!doctype html>${String(Layout({ ...page, nonce }))}`, status);
}
