import { beforeAll, describe, expect, test } from "vitest";
import { createBrowser } from "../support/worker-browser.ts";
import { newPerson, type Person, readCredentials, steer } from "../support/worker-client.ts";
import { endpoints } from "../support/worker-endpoints.ts";

/** Somebody all of whose calls are refused, so that nothing is shared by using them again. */
let nobody: Person;
beforeAll(async () => {
  nobody = await newPerson();
});

/** Gives consent the way a person does; answers where the browser ends. */
async function consent(person: Person, link: string, decision: "approve" | "deny" = "approve"): Promise<URL> {
  const browser = createBrowser(person.token);
  const callback = await browser.decide(link, decision);
  return (await browser.open(callback, (url) => url.searchParams.has("login"))).url;
}

async function readKeys(): Promise<Record<string, Record<string, string>>> {
  return (await fetch(`${endpoints.sandbox}/_credentials?keys`)).json();
}

describe.each([
  ["slack", "/slack", {}, "oauth_url", "/slack/callback"],
  ["bitbucket", "/bitbucket/login", {}, "oauth_url", "/bitbucket/callback"],
  ["ovh", "/ovh_api/ovh/oauth2/initiate", { endpoint: "ovh-ca" }, "authorizationUrl", "/ovh_api/ovh/oauth2/callback"],
])("the seed's paths of %s", (id, path, body, field, callbackPath) => {
  test("begin a consent, end it at the seed's callback, and the token can be read, renewed and ended", async () => {
    const person = await newPerson();
    const started = await person.call("POST", path, body);
    expect(started).toMatchObject({ status: 200, body: { [field]: expect.stringContaining("/connect/hsk_") } });
    const browser = createBrowser(person.token);
    const callback = await browser.decide(started.body[field]);
    expect(new URL(callback).pathname).toBe(callbackPath);
    const { url } = await browser.open(callback, (next) => next.searchParams.has("login"));
    expect(url.searchParams.get("login")).toBe(`${id}_success`);
    const connection = `/api/v1/connections/${url.searchParams.get("connection")}`;
    const before = await person.call("GET", `${connection}/token`);
    expect(before).toMatchObject({ status: 200, body: { provider: id, token_data: { token_type: "Bearer" } } });
    expect(Object.keys(before.body.token_data)).not.toContain("refresh_token");
    const after = await person.call("POST", `${connection}/refresh`, { force: true });
    expect(after).toMatchObject({ status: 200, body: { refreshed: true, version: 2 } });
    expect(after.body.token_data.access_token).not.toBe(before.body.token_data.access_token);
    expect((await person.call("DELETE", connection)).status).toBe(204);
  });

  test("a person who denies is back with the reason, and nothing is connected", async () => {
    const person = await newPerson();
    const started = await person.call("POST", path, body);
    const end = await consent(person, started.body[field], "deny");
    expect(Object.fromEntries(end.searchParams)).toEqual({ login: `${id}_failed`, error: "access_denied" });
    expect((await person.call("GET", "/api/v1/connections")).body.connections).toEqual([]);
  });
});

describe("ovh", () => {
  test("the region is chosen for each consent, and stays with the connection", async () => {
    const person = await newPerson();
    const body = { options: { endpoint: "ovh-us", project_id: "p1" }, scopes: ["all", "email"] };
    const started = await person.call("POST", "/api/v1/providers/ovh/authorize", body);
    const end = await consent(person, started.body.login_url);
    const { body: token } = await person.call("GET", `/api/v1/connections/${end.searchParams.get("connection")}/token`);
    expect(token.account).toMatch(/^ovh-us\//);
    expect(token.token_data).toMatchObject({ endpoint: "ovh-us", project_id: "p1", scope: "all email" });
  });

  test.each([
    ["a region of nobody's", "ovh", { options: { endpoint: "evil.example" } }],
    ["an option nobody knows", "ovh", { options: { endpoint: "ovh-eu", host: "x" } }],
    ["an option that is no text", "ovh", { options: { endpoint: 1 } }],
    ["an option of another provider", "gcp", { options: { endpoint: "ovh-eu" } }],
  ])("%s is refused", async (_what, provider, body) => {
    const answer = await nobody.call("POST", `/api/v1/providers/${provider}/authorize`, body);
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_request" } });
  });

  test("the seed's path takes its three regions only", async () => {
    const answer = await nobody.call("POST", "/ovh_api/ovh/oauth2/initiate", { endpoint: "ovh-mars" });
    expect(answer.status).toBe(400);
  });

  test("a service account is connected beside consents, and mints again", async () => {
    const person = await newPerson();
    const made = await person.call("POST", "/api/v1/providers/ovh/connect", (await readKeys())["ovh"]);
    expect(made).toMatchObject({ status: 201, body: { account: "ovh-eu/sb100001-ovh" } });
    const token = await person.call("POST", `/api/v1/connections/${made.body.id}/refresh`, { force: true });
    expect(token).toMatchObject({ status: 200, body: { refreshed: true, token_data: { endpoint: "ovh-eu" } } });
    expect(token.text).not.toContain("client_secret");
  });
});

test("slack: a static token is not refreshed by force, and the connection stays", async () => {
  const person = await newPerson();
  await steer("sandbox", "/_tokens", { provider: "slack", rotate: false });
  try {
    const end = await consent(person, (await person.call("POST", "/slack", {})).body.oauth_url);
    const connection = `/api/v1/connections/${end.searchParams.get("connection")}`;
    const answer = await person.call("POST", `${connection}/refresh`, { force: true });
    expect(answer).toMatchObject({ status: 200, body: { refreshed: false, version: 1, expires_at: null } });
    expect((await person.call("GET", connection)).body.status).toBe("active");
  } finally {
    await steer("sandbox", "/_tokens", { provider: "slack", rotate: true });
  }
});

describe("bitbucket by API token", () => {
  test("is connected at the seed's path, its missing scopes listed, and never refreshed", async () => {
    const person = await newPerson();
    const { email, api_token } = (await readKeys())["bitbucket"] ?? {};
    const made = await person.call("POST", "/bitbucket/login", { email, api_token });
    expect(made).toMatchObject({
      status: 200,
      body: {
        ...{ success: true, username: "demo", display_name: "Sandbox demo", auth_type: "api_token" },
        missing_scopes: ["delete:webhook:bitbucket"],
      },
    });
    expect(made.text).not.toContain(api_token);
    const { body } = await person.call("GET", "/api/v1/connections?provider=bitbucket");
    const token = await person.call("POST", `/api/v1/connections/${body.connections[0].id}/refresh`, { force: true });
    expect(token).toMatchObject({ status: 200, body: { refreshed: false, token_data: { email, api_token } } });
  });

  test.each([
    ["an email alone", { email: "demo@example.com" }, 400],
    ["a token alone", { api_token: "ATATT3" }, 400],
    ["a wrong token", { email: "demo@example.com", api_token: "ATATT3wrong" }, 502],
  ])("%s is refused and stores nothing", async (_what, body, status) => {
    const person = await newPerson();
    expect((await person.call("POST", "/bitbucket/login", body)).status).toBe(status);
    expect((await person.call("GET", "/api/v1/connections")).body.connections).toEqual([]);
  });
});

describe("the seed's paths of tailscale", () => {
  const bodyOf = ({ client_id, client_secret, tailnet }: Record<string, string> = {}) => ({
    ...{ clientId: client_id, clientSecret: client_secret, tailnet },
  });

  test("connect, refresh at both paths, reconnect with the same keys, disconnect with the auth key ended", async () => {
    const person = await newPerson();
    const given = (await readCredentials())["tailscale"] ?? {};
    const connected = await person.call("POST", "/tailscale_api/tailscale/connect", bodyOf(given));
    expect(connected).toMatchObject({
      status: 200,
      body: {
        ...{ success: true, message: expect.any(String), tailnet: "sandbox.example.com" },
        ...{ tailnetName: "tail5a9d.ts.net", deviceCount: 3 },
      },
    });
    expect(connected.body).not.toHaveProperty("warning");
    const first = (await person.call("GET", "/api/v1/tokens?provider=tailscale")).body;
    expect(Object.keys(first.token_data).sort()).toEqual([
      ...["access_token", "auth_key", "expires_at", "ssh_private_key", "ssh_public_key", "token_type"],
    ]);
    for (const path of ["/tailscale_api/tailscale/refresh-token", "/tailscale/refresh-token"]) {
      const refreshed = await person.call("POST", path, {});
      expect(refreshed).toMatchObject({ status: 200, body: { success: true, expiresAt: expect.stringMatching(/Z$/) } });
    }
    const again = await person.call("POST", "/tailscale_api/tailscale/connect", given);
    expect(again.status).toBe(200);
    const second = (await person.call("GET", "/api/v1/tokens?provider=tailscale")).body;
    expect(second.connection_id).toBe(first.connection_id);
    for (const name of ["ssh_private_key", "ssh_public_key", "auth_key"]) {
      expect(second.token_data[name]).toBe(first.token_data[name]);
    }
    expect((await person.call("DELETE", `/api/v1/connections/${first.connection_id}`)).status).toBe(204);
    const answer = await fetch(`${endpoints.sandbox}/_calls?provider=tailscale`);
    const { calls } = await answer.json<{ calls: { method: string; status: number; path: string }[] }>();
    const keyId = /^tskey-auth-(k\w+CNTRL)-/.exec(first.token_data.auth_key)?.[1] ?? "";
    expect(calls.filter(({ method, path }) => method === "DELETE" && path.endsWith(keyId))).toMatchObject([
      { status: 200 },
    ]);
  });

  test("what is missing or too short is 400, a wrong secret 502, and there is nothing to refresh", async () => {
    const person = await newPerson();
    const given = bodyOf((await readCredentials())["tailscale"]);
    const connect = (body: object) => person.call("POST", "/tailscale_api/tailscale/connect", body);
    expect((await connect({})).status).toBe(400);
    expect((await connect({ ...given, clientId: "short" })).status).toBe(400);
    expect((await connect({ ...given, tailnet: "../x" })).status).toBe(400);
    expect((await connect({ ...given, clientSecret: "tskey-client-wrong" })).status).toBe(502);
    expect((await person.call("POST", "/tailscale/refresh-token", {})).status).toBe(404);
    expect((await person.call("GET", "/api/v1/connections")).body.connections).toEqual([]);
  });
});
