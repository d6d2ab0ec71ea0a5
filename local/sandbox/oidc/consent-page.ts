import { escapeHtml } from "../wire.ts";

export interface ConsentPage {
  readonly providerName: string;
  readonly email: string;
  readonly scopes: readonly string[];
}

/** The page a person sees: one form, which approves when it is sent as it is. No script, no outside host. */
export function renderConsentPage({ providerName, email, scopes }: ConsentPage): string {
  const items = scopes.map((scope) => `<li><code>${escapeHtml(scope)}</code></li>`).join("");
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sandbox: ${escapeHtml(providerName)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#111;background:#fff}
input{font:inherit;width:100%;padding:.5rem;box-sizing:border-box}button{font:inherit;padding:.5rem 1.25rem;margin-right:.5rem}
aside{background:#fff4cf;padding:.5rem .75rem}</style></head>
<body><main>
<aside>This is the local sandbox playing ${escapeHtml(providerName)}. Nothing here is real.</aside>
<h1>Choose an account</h1>
<form method="post">
<p><label for="email">Email</label><input id="email" name="email" type="text" value="${escapeHtml(email)}" autocomplete="off"></p>
<p>The application asks for:</p><ul>${items}</ul>
<p><button type="submit" name="decision" value="approve">Approve</button><button type="submit" name="decision" value="deny">Deny</button></p>
</form>
</main></body>
</html>`;
}

/** A page for a request that cannot be answered by a redirect. */
export function renderErrorPage(title: string, detail: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>
<body><main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(detail)}</p></main></body></html>`;
}
