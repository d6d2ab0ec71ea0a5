import { newAddress, ORIGIN, worker } from "./worker-client.ts";

const MAX_REDIRECTS = 12;

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly text: string;
}

/** A person's browser: follows redirects, keeps cookies by host, sends the consent form. */
export interface Browser {
  /** The Worker's cookies. */
  readonly cookies: Map<string, string>;
  /** Follows redirects; stops before one that `stopAt` recognises and answers where it leads. */
  open(url: string, stopAt?: (url: URL) => boolean, form?: URLSearchParams): Promise<Page>;
  /** Opens a consent link, decides, and answers the Worker's callback address without going there. */
  decide(loginUrl: string, decision?: "approve" | "deny", email?: string): Promise<string>;
}

/** @param session The access token of whoever is signed in; null = signed out. */
export function createBrowser(session: string | null): Browser {
  const ours = new Map(session === null ? [] : [["access_token", session]]);
  const theirs = new Map<string, string>();
  const address = newAddress();

  async function request(url: URL, form: URLSearchParams | undefined): Promise<Response> {
    const isOurs = url.origin === ORIGIN;
    const jar = isOurs ? ours : theirs;
    const headers = {
      accept: "text/html",
      "cf-connecting-ip": address,
      cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; "),
      ...(form && { origin: url.origin }),
    };
    const asked = new Request(url, { headers, redirect: "manual", ...(form && { method: "POST", body: form }) });
    const response = await (isOurs ? worker.fetch(asked) : fetch(asked));
    for (const line of response.headers.getSetCookie()) keep(jar, line);
    return response;
  }

  async function open(start: string, stopAt: (url: URL) => boolean = () => false, form?: URLSearchParams) {
    let url = new URL(start, ORIGIN);
    let sent = form;
    for (let hop = 0; hop < MAX_REDIRECTS; hop += 1) {
      const response = await request(url, sent);
      const text = await response.text();
      const location = response.headers.get("location");
      if (location === null) return { url, status: response.status, text };
      url = new URL(location, url);
      sent = undefined;
      if (stopAt(url)) return { url, status: response.status, text };
    }
    throw new Error("too many redirects");
  }

  async function decide(loginUrl: string, decision = "approve", email?: string): Promise<string> {
    const page = await open(loginUrl, isCallback);
    if (isCallback(page.url)) return page.url.href;
    if (!page.text.includes('name="decision"')) throw new Error(`no consent form: ${page.status} ${page.url.pathname}`);
    const account = email ?? /name="email"[^>]*value="([^"]*)"/.exec(page.text)?.[1] ?? "";
    const end = await open(page.url.href, isCallback, new URLSearchParams({ email: account, decision }));
    return end.url.href;
  }

  return { cookies: ours, open, decide };
}

/** Back at the Worker with the provider's answer. */
function isCallback(url: URL): boolean {
  return url.origin === ORIGIN && (url.searchParams.has("code") || url.searchParams.has("error"));
}

function keep(jar: Map<string, string>, line: string): void {
  const [, name = "", value = ""] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
  if (value === "" || /max-age=0\b/i.test(line)) jar.delete(name);
  else jar.set(name, value);
}
