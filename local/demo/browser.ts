/** Hops a consent takes at most: authorization, page, decision, way back, and a few in the Worker. */
const MAX_REDIRECTS = 12;

/** Where a chain of redirects ended. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly text: string;
}

/** A browser as small as can be: it keeps cookies by host and follows redirects. */
export interface Browser {
  setCookie(host: string, name: string, value: string): void;
  open(url: string, form?: URLSearchParams): Promise<Page>;
}

/** @param print Told each hop: method, path without its query, status. */
export function createBrowser(print: (line: string) => void): Browser {
  const jars = new Map<string, Map<string, string>>();
  const jarOf = (host: string) => {
    const jar = jars.get(host) ?? new Map<string, string>();
    jars.set(host, jar);
    return jar;
  };
  const request = async (url: URL, form: URLSearchParams | undefined) => {
    const cookie = [...jarOf(url.host)].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { accept: "text/html", ...(cookie === "" ? {} : { cookie }) };
    const init = form ? { method: "POST", body: form } : {};
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) keepCookie(jarOf(url.host), line);
    print(`browser ${form ? "POST" : "GET"} ${url.origin}${hideTicket(url.pathname)} → ${response.status}`);
    return response;
  };
  return {
    setCookie: (host, name, value) => void jarOf(host).set(name, value),
    async open(start, form) {
      let url = new URL(start);
      let body = form;
      for (let hop = 0; hop < MAX_REDIRECTS; hop += 1) {
        const response = await request(url, body);
        const text = await response.text();
        const location = response.headers.get("location");
        if (location === null) return { url: url.href, status: response.status, text };
        const next = new URL(location, url);
        // The way back into the application ends here when nothing but its own page follows.
        if (next.searchParams.has("login")) return { url: next.href, status: response.status, text };
        url = next;
        body = undefined;
      }
      throw new Error("The consent took too many redirects.");
    },
  };
}

function keepCookie(jar: Map<string, string>, line: string): void {
  const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
  if (name === undefined) return;
  jar.set(name, value ?? "");
  if (!value || /max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name);
}

function hideTicket(path: string): string {
  return path.replace(/^\/connect\/.+/, "/connect/…");
}
