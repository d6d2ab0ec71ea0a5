import { describe, expect, test } from "vitest";
import { authorizationCode } from "../../src/providers/authorization-code.ts";
import { originsOf } from "../../src/providers/custom.ts";
import { customProviderSettings } from "../../src/providers/custom-settings.ts";
import { gcp } from "../../src/providers/gcp.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { custom, TOKENS } from "./custom-provider.ts";
import { json, NOW, scripted } from "./scripted-upstream.ts";

function exchangeWith(provider: Provider, callback: string, ...answers: readonly (Response | Error)[]) {
  const { context, sent } = scripted(...answers);
  if (provider.authorization === null) throw new Error("no consent");
  const redirectUri = "https://aurora.example.com/cb";
  const exchange = { callback: new URLSearchParams(callback), state: "s-1", redirectUri, codeVerifier: "verifier-1" };
  return { sent, acquired: provider.authorization.exchange(exchange, context) };
}

function authorize(provider: Provider, ...answers: readonly Response[]) {
  const { context, sent } = scripted(...answers);
  if (provider.authorization === null) throw new Error("no consent");
  const request = {
    state: "s-1",
    redirectUri: "https://aurora.example.com/cb",
    codeChallenge: "challenge-1",
    scopes: provider.scopes,
  };
  return { sent, url: provider.authorization.authorizeUrl(request, context) };
}

describe("the consent page", () => {
  test("gcp is asked for lasting access, with PKCE and state", async () => {
    const url = await authorize(gcp).url;
    expect(`${url.origin}${url.pathname}`).toBe("https://accounts.google.com/o/oauth2/v2/auth");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      access_type: "offline",
      prompt: "consent",
      response_type: "code",
      client_id: "gcp-client",
      redirect_uri: "https://aurora.example.com/cb",
      scope:
        "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/compute https://www.googleapis.com/auth/cloudresourcemanager openid email",
      state: "s-1",
      code_challenge: "challenge-1",
      code_challenge_method: "S256",
    });
  });

  test("a query the operator wrote into the endpoint stays, and cannot replace what protects the flow", async () => {
    const url = await authorize(custom({ authorization_endpoint: "https://acme.example/a?tenant=7&state=theirs" })).url;
    expect(url.searchParams.get("tenant")).toBe("7");
    expect(url.searchParams.getAll("state")).toEqual(["s-1"]);
  });

  test("no scopes, no scope parameter", async () => {
    expect((await authorize(custom({ scopes: [] })).url).searchParams.has("scope")).toBe(false);
  });

  test("without its settings a provider is not configured", async () => {
    const { context } = scripted();
    const request = { state: "s", redirectUri: "https://a.example/cb", codeChallenge: "c", scopes: [] };
    await expect(gcp.authorization?.authorizeUrl(request, { ...context, settings: {} })).rejects.toMatchObject({
      code: "misconfigured",
    });
  });
});

describe("a server that only told its issuer", () => {
  const issuer = "https://acme.example";
  const provider = () => custom({ issuer, authorization_endpoint: undefined });
  const metadata = { issuer, authorization_endpoint: "https://login.acme.example/go" };

  test("is asked where its consent page is", async () => {
    const { url, sent } = authorize(provider(), json(metadata));
    expect((await url).href).toMatch(/^https:\/\/login\.acme\.example\/go\?response_type=code/);
    expect(sent.map((request) => request.url)).toEqual(["https://acme.example/.well-known/openid-configuration"]);
  });

  test("may be a plain OAuth server", async () => {
    const { url, sent } = authorize(provider(), json({}, 404), json(metadata));
    await url;
    expect(sent[1]?.url).toBe("https://acme.example/.well-known/oauth-authorization-server");
  });

  test.each([
    ["speaks for another issuer", json({ ...metadata, issuer: "https://evil.example" }), "misconfigured"],
    ["names no page", json({ issuer }), "provider_unavailable"],
    [
      "sends the browser over plain http",
      json({ ...metadata, authorization_endpoint: "http://acme.example/go" }),
      "provider_unavailable",
    ],
    [
      "sends the browser to a script",
      json({ ...metadata, authorization_endpoint: "javascript:alert(1)" }),
      "provider_unavailable",
    ],
    ["is down", json({}, 503), "provider_unavailable"],
    ["answers a page", json("<html>"), "provider_unavailable"],
  ])("that %s is not used", async (_what, answer, code) => {
    await expect(authorize(provider(), answer).url).rejects.toMatchObject({ code });
  });
});

describe("the callback", () => {
  test("sends the code once, with its verifier and the redirect URI it was asked with", async () => {
    const { acquired, sent } = exchangeWith(custom(), "code=c-1&state=s-1", json({ ...TOKENS, refresh_token: "rt-1" }));
    expect(await acquired).toEqual({
      secret: {
        access_token: "at-2",
        token_type: "Bearer",
        refresh_token: "rt-1",
        expires_at: NOW + 3599,
        scope: "read",
      },
      account: "",
      upstreamAccount: null,
      scopes: ["read"],
    });
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ method: "POST", url: "https://acme.example/token" });
    expect(sent[0]?.form).toEqual({
      grant_type: "authorization_code",
      code: "c-1",
      redirect_uri: "https://aurora.example.com/cb",
      code_verifier: "verifier-1",
    });
    expect(sent[0]?.headers.get("authorization")).toBe(`Basic ${btoa("our%2Did:our+secret")}`);
  });

  test("client_secret_post puts the secret into the form", async () => {
    const { acquired, sent } = exchangeWith(
      custom({ token_endpoint_auth_method: "client_secret_post" }),
      "code=c&state=s-1",
      json(TOKENS),
    );
    await acquired;
    expect(sent[0]?.form).toMatchObject({ client_id: "our-id", client_secret: "our secret" });
    expect(sent[0]?.headers.has("authorization")).toBe(false);
  });

  test.each([
    ["another state", "code=c&state=s-2"],
    ["no state", "code=c"],
    ["two states", "code=c&state=s-1&state=s-2"],
    ["two codes", "code=c&code=d&state=s-1"],
    ["no code", "state=s-1"],
    ["an empty code", "code=&state=s-1"],
    ["another issuer", "code=c&state=s-1&iss=https%3A%2F%2Fevil.example"],
    ["an implicit token", "code=c&state=s-1&id_token=x"],
    ["a packed response", "response=eyJ&state=s-1"],
    ["a denial", "error=access_denied&state=s-1"],
    ["an unknown error", "error=%3Cscript%3E&error_description=secret&state=s-1"],
  ])("%s spends no code", async (_what, callback) => {
    const { acquired, sent } = exchangeWith(custom({ issuer: "https://acme.example" }), callback);
    const failure = await acquired.catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "provider_rejected", message: expect.stringMatching(/^[A-Z][^<]*\.$/) });
    expect(sent).toEqual([]);
  });

  test.each(["server_error", "temporarily_unavailable"])("%s can be tried again", async (error) => {
    await expect(exchangeWith(custom(), `error=${error}&state=s-1`).acquired).rejects.toMatchObject({
      code: "provider_unavailable",
    });
  });

  test("an issuer is compared where it is known, and passed over where it is not", async () => {
    const callback = "code=c&state=s-1&iss=https%3A%2F%2Facme.example%2Ftenant";
    await expect(
      exchangeWith(custom({ issuer: "https://acme.example/tenant" }), callback, json(TOKENS)).acquired,
    ).resolves.toBeDefined();
    await expect(exchangeWith(custom(), callback, json(TOKENS)).acquired).resolves.toBeDefined();
  });

  test("scopes are stored as granted; unnamed, what was asked for counts", async () => {
    const { scope: _scope, ...unnamed } = TOKENS;
    expect((await exchangeWith(custom(), "code=c&state=s-1", json(unnamed)).acquired).scopes).toEqual([
      "read",
      "write",
    ]);
    expect(
      (await exchangeWith(custom(), "code=c&state=s-1", json({ ...TOKENS, scope: "write admin" })).acquired).scopes,
    ).toEqual(["write", "admin"]);
  });

  test("a separator of the provider's own is used both ways", async () => {
    const provider = authorizationCode({
      ...{ id: "comma", name: "Comma", docsUrl: "https://c.example", apiHosts: [], scopes: ["a", "b"] },
      ...{ callbackPath: "/cb", scopeSeparator: "," },
      registration: {
        ...{ client: { id: "i", secret: "s" }, clientAuth: "client_secret_post" },
        ...{ authorizationEndpoint: "https://c.example/a", tokenEndpoint: "https://c.example/t" },
      },
    });
    expect((await authorize(provider).url).searchParams.get("scope")).toBe("a,b");
    expect(
      (await exchangeWith(provider, "code=c&state=s-1", json({ ...TOKENS, scope: "a,c" })).acquired).scopes,
    ).toEqual(["a", "c"]);
  });

  test("gcp without a refresh token is refused with what to do about it", async () => {
    await expect(exchangeWith(gcp, "code=c&state=s-1", json(TOKENS)).acquired).rejects.toMatchObject({
      code: "provider_rejected",
      message: expect.stringContaining("connect again"),
    });
  });

  test("gcp asks whose account it is, and refuses one that will not say", async () => {
    const tokens = json({ ...TOKENS, refresh_token: "rt", id_token: "not.a.jwt" });
    const { acquired, sent } = exchangeWith(
      gcp,
      "code=c&state=s-1&iss=https%3A%2F%2Faccounts.google.com",
      tokens,
      json({ sub: "42", email: "a@b.example" }),
    );
    expect(await acquired).toMatchObject({ account: "a@b.example", upstreamAccount: "gcp-client:42" });
    expect((await acquired).secret).not.toHaveProperty("id_token");
    expect(sent[1]).toMatchObject({ method: "GET", url: "https://openidconnect.googleapis.com/v1/userinfo" });
    expect(sent[1]?.headers.get("authorization")).toBe("Bearer at-2");
    const nameless = exchangeWith(
      gcp,
      "code=c&state=s-1",
      json({ ...TOKENS, refresh_token: "rt" }),
      json({ sub: "42" }),
    );
    await expect(nameless.acquired).rejects.toMatchObject({ code: "provider_rejected" });
  });
});

test("the operator's own origins are those we call, not the browser's", () => {
  const entries = customProviderSettings.parse([
    {
      ...{ id: "acme", name: "Acme", client_id: "i", client_secret: "s", issuer: "http://127.0.0.1:9/realm" },
      ...{ authorization_endpoint: "https://browser.example/a", token_endpoint: "http://127.0.0.1:9/token" },
    },
  ]);
  expect(originsOf(entries)).toEqual(["http://127.0.0.1:9"]);
});
