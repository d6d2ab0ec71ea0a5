/** Hops a consent takes at most: authorization, page, decision, way back, and a few in the Worker. */
const MAX_REDIRECTS = 12;

export interface ConsentOptions {
  /** The account to choose; the page's own when left out. */
  readonly email?: string;
  readonly decision?: "approve" | "deny";
  /** Cookies the browser has already, e.g. the Worker's: name to value. New ones are added to it. */
  readonly cookies?: Map<string, string>;
}

/**
 * Does what a browser and a person do: opens `startUrl`, sends the consent form, follows the way back.
 *
 * @param startUrl The provider's authorization URL, or a Worker's `/connect/…` link leading there.
 * @returns The redirect to the application's callback, not followed: the first one after the form that carries
 *          `code` or `error`.
 * @throws  When a page is reached that is not the consent form, with its status.
 */
export async function approveConsent(
  startUrl: string,
  options: ConsentOptions = {},
): Promise<{ finalLocation: string }> {
  const browser = createBrowser(options.cookies ?? new Map());
  const page = await browser.open(startUrl);
  if (page.location !== null) return { finalLocation: page.location };
  if (page.status !== 200 || !page.text.includes('name="decision"')) {
    throw new Error(`no consent form at ${new URL(page.url).pathname}: status ${page.status}`);
  }
  const email = options.email ?? /name="email"[^>]*value="([^"]*)"/.exec(page.text)?.[1] ?? "";
  const form = new URLSearchParams({ email, decision: options.decision ?? "approve" });
  const end = await browser.open(page.url, form);
  if (end.location === null) throw new Error(`consent did not end in a redirect: status ${end.status}`);
  return { finalLocation: end.location };
}

interface Page {
  readonly url: string;
  readonly status: number;
  readonly text: string;
  /** Where the application's callback is, when that is what the server redirected to. */
  readonly location: string | null;
}

function createBrowser(cookies: Map<string, string>) {
  return {
    async open(startUrl: string, form: URLSearchParams | null = null): Promise<Page> {
      let url = startUrl;
      let body = form;
      for (let hop = 0; hop < MAX_REDIRECTS; hop += 1) {
        const response = await request(url, body, cookies);
        const location = response.headers.get("location");
        const text = await response.text();
        if (location === null) return { url, status: response.status, text, location: null };
        url = new URL(location, url).href;
        if (isCallback(url)) return { url, status: response.status, text, location: url };
        body = null;
      }
      throw new Error("too many redirects");
    },
  };
}

async function request(url: string, form: URLSearchParams | null, cookies: Map<string, string>): Promise<Response> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const headers = { accept: "text/html", ...(cookie ? { cookie } : {}) };
  const init = form ? { method: "POST", body: form } : {};
  const response = await fetch(url, { ...init, headers, redirect: "manual" });
  for (const line of response.headers.getSetCookie()) keepCookie(cookies, line);
  return response;
}

/** One host, one flow: paths and ages of cookies need not be told apart, only their removal. */
function keepCookie(cookies: Map<string, string>, line: string): void {
  const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
  if (!name) return;
  cookies.set(name, value ?? "");
  if (!value || /expires=Thu, 01 Jan 1970|max-age=0/i.test(line)) cookies.delete(name);
}

function isCallback(url: string): boolean {
  const { searchParams } = new URL(url);
  return searchParams.has("code") || searchParams.has("error");
}
