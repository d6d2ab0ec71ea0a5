import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import { type Browser, createBrowser, type Page } from "../support/worker-browser.ts";
import {
  type Key,
  logIn,
  newColleague,
  newKey,
  newPerson,
  ORIGIN,
  PASSWORD,
  type Person,
  type Reply,
  readAudit,
  requireStatus,
  send,
} from "../support/worker-client.ts";
import { type Fault, type Network, watchNetwork } from "../support/worker-network.ts";

const TEN_MINUTES_MS = 600_000;

const DEMO = "demo-idp.example";
const countCalls = (endpoint: "token" | "revoke") => network.count(`${DEMO}/${endpoint}`);
const connectionsOf = async (person: Person): Promise<Record<string, unknown>[]> =>
  (await person.call("GET", "/api/v1/connections")).body.connections;
const authorize = (who: Pick<Person, "call">, body: object = {}, provider = "demo") =>
  who.call("POST", `/api/v1/providers/${provider}/authorize`, body);
/** Goes to a page and says where it led, without following. */
const step = (browser: Browser, url: string): Promise<Page> => browser.open(url, () => true);

/** A consent that was given; its callback was not visited yet. */
async function consent(person: Person, browser = createBrowser(person.token)) {
  const { login_url } = requireStatus(await authorize(person), 200).body;
  return { login_url, browser, callback: await browser.decide(login_url) };
}

let network: Network;
beforeEach(() => {
  network = watchNetwork();
});
afterEach(() => {
  vi.restoreAllMocks();
});

// The first call loads the Worker, which is no test's business.
beforeAll(async () => {
  await send("GET", "/health/liveness");
});

describe("a consent in one's own browser", () => {
  test.each(["demo", "gcp"])("connects %s, whose token works and can be refreshed", async (provider) => {
    const ada = await newPerson();
    const { body } = requireStatus(await authorize(ada, { return_to: "/done?a=1" }, provider), 200);
    expect(body.login_url).toMatch(new RegExp(`^${ORIGIN}/connect/`));
    expect(body.expires_in).toBe(600);
    const browser = createBrowser(ada.token);
    const { url } = await step(browser, await browser.decide(body.login_url));
    const result = Object.fromEntries(url.searchParams);
    expect([url.origin, url.pathname]).toEqual([ORIGIN, "/done"]);
    expect(result).toEqual({ a: "1", login: `${provider}_success`, connection: expect.stringMatching(/^con_/) });
    const [listed] = await connectionsOf(ada);
    expect(listed).toMatchObject({ id: result["connection"], provider, status: "active", owner_id: ada.id });
    const token = await ada.call("GET", `/api/v1/connections/${listed?.["id"]}/token`);
    expect(token.body.token_data).toMatchObject({ token_type: expect.stringMatching(/bearer/i) });
    expect(token.text).not.toMatch(/refresh_token|client_secret/);
    const forced = await ada.call("POST", `/api/v1/connections/${listed?.["id"]}/refresh`, { force: true });
    expect(forced).toMatchObject({ status: 200, body: { refreshed: true } });
    expect(forced.body.token_data.access_token).not.toBe(token.body.token_data.access_token);
  });

  test("lets a signed-out person sign in first, and goes on from there", async () => {
    const ada = await newPerson();
    const { login_url } = requireStatus(await authorize(ada), 200).body;
    const browser = createBrowser(null);
    const page = await browser.open(login_url);
    expect([page.url.pathname, page.status]).toEqual(["/signin", 200]);
    const form = new URLSearchParams({ email: ada.email, password: PASSWORD });
    form.set("return_to", page.url.searchParams.get("return_to") ?? "");
    const onward = await browser.open("/signin", (url) => url.origin !== ORIGIN, form);
    expect(onward.url.pathname).toContain("demo-idp.example");
    const { url } = await step(browser, await browser.decide(login_url));
    expect(url.searchParams.get("login")).toBe("demo_success");
  });

  test("that the person denies connects nothing and says so", async () => {
    const ada = await newPerson();
    const { login_url } = requireStatus(await authorize(ada), 200).body;
    const browser = createBrowser(ada.token);
    const { url } = await step(browser, await browser.decide(login_url, "deny"));
    expect(Object.fromEntries(url.searchParams)).toEqual({ login: "demo_failed", error: "access_denied" });
    expect(await connectionsOf(ada)).toEqual([]);
    expect(await readAudit(ada, "oauth.failed")).toHaveLength(1);
  });

  test.each<Fault>([500, "page", "flood", "cut"])(
    "connects nothing when the provider's token endpoint answers with %j",
    async (fault) => {
      const ada = await newPerson();
      const { browser, callback } = await consent(ada);
      network.fail(DEMO, fault);
      const { url } = await step(browser, callback);
      expect(url.searchParams.get("login")).toBe("demo_failed");
      expect(url.searchParams.get("error")).toMatch(/^provider_(unavailable|rejected)$/);
      expect(await connectionsOf(ada)).toEqual([]);
    },
  );

  test("does not spend the code while Vault is away", async () => {
    const ada = await newPerson();
    const { browser, callback } = await consent(ada);
    network.fail("vault", 503);
    const { url } = await step(browser, callback);
    expect(url.searchParams.get("error")).toBe("vault_unavailable");
    expect(countCalls("token")).toBe(0);
  });
});

describe("a state", () => {
  test("is taken once: of callbacks one after another and at once, one exchanges", async () => {
    const ada = await newPerson();
    const { browser, callback } = await consent(ada);
    const pages = await Promise.all(Array.from({ length: 5 }, () => step(browser, callback)));
    const ends = pages.map(({ url, status }) => url.searchParams.get("login") ?? status);
    expect(ends.sort()).toEqual([400, 400, 400, 400, "demo_success"]);
    expect((await step(browser, callback)).status).toBe(400);
    expect(countCalls("token")).toBe(1);
    expect(await connectionsOf(ada)).toHaveLength(1);
  });

  test("of one person is refused in another's browser, and is still good in its own", async () => {
    const ada = await newPerson();
    const { browser, callback, login_url } = await consent(ada);
    const mallory = await newColleague(ada, "admin");
    const theirs = createBrowser(mallory.token);
    expect((await step(theirs, login_url)).status).toBe(403);
    // Even a stolen binding cookie does not make her Ada.
    for (const [name, value] of browser.cookies) if (name !== "access_token") theirs.cookies.set(name, value);
    const otherBrowser = createBrowser((await logIn(ada.email)).token);
    const signedOut = createBrowser(null);
    for (const [name, value] of browser.cookies) if (name !== "access_token") signedOut.cookies.set(name, value);
    for (const foreign of [theirs, otherBrowser, signedOut, createBrowser(null)]) {
      expect((await step(foreign, callback)).status).toBe(403);
    }
    expect(countCalls("token")).toBe(0);
    expect((await step(browser, callback)).url.searchParams.get("login")).toBe("demo_success");
  });

  test.each<[string, (url: URL) => void]>([
    ["is missing", (url) => url.searchParams.delete("state")],
    ["is empty", (url) => url.searchParams.set("state", "")],
    ["is cut short", (url) => url.searchParams.set("state", (url.searchParams.get("state") ?? "").slice(0, -1))],
    ["is changed", (url) => url.searchParams.set("state", flipLast(url.searchParams.get("state") ?? ""))],
    ["is longer", (url) => url.searchParams.set("state", `${url.searchParams.get("state")}x`)],
    ["is of a consent nobody began", (url) => url.searchParams.set("state", `hsk_${"0".repeat(32)}.x`)],
    ["comes to another provider's path", (url) => goTo(url, "/gcp/callback")],
    ["comes to an unknown provider's path", (url) => goTo(url, "/api/v1/oauth/nowhere/callback")],
  ])("that %s is refused, exchanges nothing and is audited", async (_, change) => {
    const ada = await newPerson();
    const { browser, callback } = await consent(ada);
    const url = new URL(callback);
    change(url);
    const page = await step(browser, url.href);
    expect([page.status, page.url.searchParams.has("login")]).toEqual([400, false]);
    expect(countCalls("token")).toBe(0);
    expect(await connectionsOf(ada)).toEqual([]);
  });

  test("is refused after ten minutes, and so is its link", async () => {
    const ada = await newPerson();
    const { browser, callback, login_url } = await consent(ada);
    const later = Date.now() + TEN_MINUTES_MS + 1000;
    vi.spyOn(Date, "now").mockImplementation(() => later);
    expect((await step(browser, callback)).status).toBe(400);
    expect((await step(browser, login_url)).status).toBe(400);
    expect(countCalls("token")).toBe(0);
  });

  test("without a code of the provider's connects nothing", async () => {
    const ada = await newPerson();
    const { browser, callback } = await consent(ada);
    const url = new URL(callback);
    url.searchParams.set("code", "somebody-elses");
    expect((await step(browser, url.href)).url.searchParams.get("login")).toBe("demo_failed");
    expect(await connectionsOf(ada)).toEqual([]);
  });
});

describe("a consent is begun", () => {
  let ada: Person;
  beforeAll(async () => {
    ada = await newPerson();
  });
  const begin = async (body: object, provider?: string): Promise<Reply> =>
    authorize(await newKey(ada, ["connections:write"]), body, provider);

  test.each([null, "/", "/done", "/a?b=c#d", `${ORIGIN}/x`])("with the return address %j", async (return_to) => {
    expect((await begin(return_to === null ? {} : { return_to })).status).toBe(200);
  });

  test.each([
    ...["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)"],
    ...["http://127.0.0.1:8788/", `${ORIGIN}.evil.example/`, `http://x@127.0.0.1:8787/`, "/a\r\nSet-Cookie: x", ""],
    ...["data:text/html,x", " /a", "evil.example", "/\t/evil.example"],
  ])("but not with %j", async (return_to) => {
    expect(await begin({ return_to })).toMatchObject({ status: 400, body: { code: "invalid_request" } });
  });

  test.each<[object, string, number]>([
    [{}, "azure", 400],
    [{}, "nowhere", 404],
    [{ mode: "both" }, "demo", 400],
    [{ mode: "session" }, "demo", 400],
    [{ scopes: [] }, "demo", 400],
    [{ scopes: ["a b"] }, "demo", 400],
    [{ redirect_uri: "https://evil.example" }, "demo", 400],
  ])("by a key with %j at %s: refused", async (body, provider, status) => {
    expect((await begin(body, provider)).status).toBe(status);
  });
});

describe("a consent a backend began for its user", () => {
  let ada: Person;
  let key: Key;
  beforeAll(async () => {
    ada = await newPerson();
  });
  beforeEach(async () => {
    key = await newKey(ada, ["connections:write", "connections:read", "tokens:read", "users:impersonate"]);
  });

  const asAda = (path: string, body: object) => key.call("POST", path, body, { "x-user-id": ada.id });
  const complete = (who: Pick<Person, "call">, code: string) =>
    who.call("POST", "/api/v1/oauth/complete", { connect_code: code });

  /** In a browser that is signed in nowhere here. */
  async function pend(): Promise<string> {
    const begun = await asAda("/api/v1/providers/demo/authorize", { return_to: "/done" });
    const browser = createBrowser(null);
    const { url } = await step(browser, await browser.decide(requireStatus(begun, 200).body.login_url));
    expect([url.pathname, url.searchParams.get("login")]).toEqual(["/done", "demo_pending"]);
    return url.searchParams.get("connect_code") ?? "";
  }

  test("is that user's connection once the same key, for the same user, posts the code", async () => {
    const code = await pend();
    const { status, body } = await asAda("/api/v1/oauth/complete", { connect_code: code });
    expect([status, body.owner_id, body.provider]).toEqual([201, ada.id, "demo"]);
    expect((await ada.call("GET", `/api/v1/connections/${body.id}/token`)).status).toBe(200);
    expect((await asAda("/api/v1/oauth/complete", { connect_code: code })).status).toBe(404);
    expect(countCalls("revoke")).toBe(0);
  });

  test.each<[string, () => Promise<Pick<Person, "call">>]>([
    ["the key for itself", async () => key],
    [
      "another key for the same user",
      async () => impersonating(await newKey(ada, ["connections:write", "users:impersonate"])),
    ],
    ["the user's own session", async () => ada],
    ["somebody of another workspace", () => newPerson()],
  ])("is not %s's: the code is spent and the grant revoked", async (_, who) => {
    const code = await pend();
    expect(await complete(await who(), code)).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect((await asAda("/api/v1/oauth/complete", { connect_code: code })).status).toBe(404);
    expect(countCalls("revoke")).toBeGreaterThan(0);
  });

  test("is revoked when nobody claims it", async () => {
    const code = await pend();
    const { OAUTH_HANDSHAKE } = env as unknown as Bindings;
    const stub = OAUTH_HANDSHAKE.get(OAUTH_HANDSHAKE.idFromName(code.split(".")[0] ?? ""));
    await runDurableObjectAlarm(stub);
    expect(countCalls("revoke")).toBeGreaterThan(0);
    expect((await asAda("/api/v1/oauth/complete", { connect_code: code })).status).toBe(404);
  });

  test.each(["", "x", `hsk_${"0".repeat(32)}.x`])("is not claimed by the code %j", async (code) => {
    expect((await asAda("/api/v1/oauth/complete", { connect_code: code })).status).toBe(404);
  });

  function impersonating(other: Key): Pick<Person, "call"> {
    return { call: (method, path, body) => other.call(method, path, body, { "x-user-id": ada.id }) };
  }
});

function flipLast(text: string): string {
  return `${text.slice(0, -1)}${text.endsWith("A") ? "B" : "A"}`;
}

function goTo(url: URL, path: string): void {
  url.pathname = path;
}
