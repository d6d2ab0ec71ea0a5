import { describe, expect, test } from "vitest";
import { AppError } from "../../src/domain/errors.ts";
import { authorizationCode } from "../../src/providers/authorization-code.ts";
import { customProvider, originsOf } from "../../src/providers/custom.ts";
import { customProviderSettings } from "../../src/providers/custom-settings.ts";
import { gcp } from "../../src/providers/gcp.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { json, NOW, scripted } from "./scripted-upstream.ts";

const TOKENS = { access_token: "at-2", token_type: "bearer", expires_in: 3599, scope: "read" };
const STORED = {
  access_token: "at-1",
  token_type: "Bearer",
  refresh_token: "rt-1",
  expires_at: 1,
  scope: "read",
  grant: "g",
};

function custom(changes: Record<string, unknown> = {}): Provider {
  const entry = {
    ...{ id: "acme", name: "Acme", client_id: "our-id", client_secret: "our secret", scopes: ["read", "write"] },
    ...{
      authorization_endpoint: "https://acme.example/authorize?tenant=7",
      token_endpoint: "https://acme.example/token",
    },
    ...changes,
  };
  const [settings] = customProviderSettings.parse([entry]);
  if (settings === undefined) throw new Error("no entry");
  return customProvider(settings);
}

function refreshWith(provider: Provider, ...answers: readonly (Response | Error)[]) {
  const { context, sent } = scripted(...answers);
  if (provider.refresh === null) throw new Error("cannot refresh");
  return { sent, refreshed: provider.refresh(STORED, context) };
}

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
      ...{ id: "comma", name: "Comma", docsUrl: "https://c.example", apiHosts: [], scopes: ["a", "b"], settings: [] },
      ...{ callbackPath: "/cb", scopeSeparator: ",", authorizationEndpoint: "https://c.example/a" },
      client: () => ({
        ...{ name: "Comma", clientId: "i", clientSecret: "s", clientAuth: "client_secret_post" },
        ...{ tokenEndpoint: "https://c.example/t", issuer: null },
      }),
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

describe("a refresh", () => {
  test("sends the stored refresh token and may take a minute", async () => {
    const { refreshed, sent } = refreshWith(custom(), json(TOKENS));
    await refreshed;
    expect(sent.map(({ form, timeoutMs }) => [form, timeoutMs])).toEqual([
      [{ grant_type: "refresh_token", refresh_token: "rt-1" }, 60_000],
    ]);
  });

  test.each([
    ["absent", {}, "rt-1"],
    ["empty", { refresh_token: "" }, "rt-1"],
    ["null", { refresh_token: null }, "rt-1"],
    ["not text", { refresh_token: 7 }, "rt-1"],
    ["the same", { refresh_token: "rt-1" }, "rt-1"],
    ["a new one", { refresh_token: "rt-2" }, "rt-2"],
  ])("a refresh token that is %s leaves the right one stored", async (_what, answer, stored) => {
    expect(await refreshWith(custom(), json({ ...TOKENS, ...answer })).refreshed).toMatchObject({
      refresh_token: stored,
      grant: "g",
    });
  });

  test.each([
    [3600, NOW + 3600],
    ["3600", NOW + 3600],
    ["3600.9", NOW + 3600],
    [0.5, NOW],
    [1e15, 253_402_300_799],
    [0, undefined],
    [-1, undefined],
    ["-1", undefined],
    ["", undefined],
    ["soon", undefined],
    ["0x10", undefined],
    [null, undefined],
    [true, undefined],
    [[3600], undefined],
    [undefined, undefined],
  ])("expires_in %j means expires_at %j", async (expires_in, expected) => {
    const secret = await refreshWith(custom(), json({ ...TOKENS, expires_in, refresh_token: "rt-2" })).refreshed;
    expect(secret["expires_at"]).toBe(expected);
    // Whatever the lifetime looks like, a rotated refresh token is kept.
    expect(secret["refresh_token"]).toBe("rt-2");
  });

  test.each([
    ["BEARER", "Bearer"],
    ["DPoP", "DPoP"],
    [undefined, "Bearer"],
  ])("token_type %j is stored as %j", async (token_type, expected) => {
    expect(await refreshWith(custom(), json({ ...TOKENS, token_type })).refreshed).toMatchObject({
      token_type: expected,
    });
  });

  test("an answer in another content type is read all the same", async () => {
    const answer = json(TOKENS, 200, { "content-type": "text/plain" });
    expect(await refreshWith(custom(), answer).refreshed).toMatchObject({ access_token: "at-2" });
  });

  test("a senseless id_token beside the tokens loses nothing", async () => {
    const answer = json({ ...TOKENS, refresh_token: "rt-2", id_token: "x" });
    expect(await refreshWith(gcp, answer).refreshed).toMatchObject({ refresh_token: "rt-2" });
  });

  test.each([
    ["invalid_grant", json({ error: "invalid_grant" }, 400), "reauth_required"],
    ["invalid_grant with 401", json({ error: "invalid_grant" }, 401), "reauth_required"],
    ["invalid_grant with 200", json({ error: "invalid_grant" }), "reauth_required"],
    ["invalid_client", json({ error: "invalid_client" }, 401), "provider_rejected"],
    ["invalid_scope", json({ error: "invalid_scope" }, 400), "provider_rejected"],
    ["an error of its own", json({ error: "toString" }, 400), "provider_rejected"],
    ["403 without an OAuth error", json({ message: "no" }, 403), "provider_rejected"],
    ["temporarily_unavailable", json({ error: "temporarily_unavailable" }, 400), "provider_unavailable"],
    ["invalid_grant beside a 503", json({ error: "invalid_grant" }, 503), "provider_unavailable"],
    ["429", json({ error: "rate_limited" }, 429), "provider_unavailable"],
    ["a page with 200", json("<html>Sign in</html>"), "provider_unavailable"],
    ["a page with 403", json("<html>Blocked</html>", 403), "provider_unavailable"],
    ["nothing", json(""), "provider_unavailable"],
    ["a list", json([]), "provider_unavailable"],
    [
      "a redirect",
      new Response(null, { status: 302, headers: { location: "https://evil.example" } }),
      "provider_unavailable",
    ],
    ["no access token", json({ refresh_token: "rt-2" }), "provider_unavailable"],
    ["an empty access token", json({ ...TOKENS, access_token: "" }), "provider_unavailable"],
    ["an access token that is not text", json({ ...TOKENS, access_token: 1 }), "provider_unavailable"],
    [
      "no answer",
      new AppError("provider_unavailable", "The provider took too long to answer."),
      "provider_unavailable",
    ],
  ])("%s → %s", async (_what, answer, code) => {
    const failure = await refreshWith(custom(), answer).refreshed.catch((error: unknown) => error);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(/^[A-Z].*\.$/) });
    expect((failure as Error).cause).toBeUndefined();
  });

  test.each([
    ["120", 120],
    [new Date((NOW + 30) * 1000).toUTCString(), 30],
    ["99999999", 86_400],
    [new Date((NOW - 30) * 1000).toUTCString(), undefined],
    ["-5", undefined],
    ["soon", undefined],
    ["", undefined],
  ])("Retry-After %j is %j seconds", async (header, seconds) => {
    const answer = json({}, 503, { "retry-after": header });
    const failure = await refreshWith(custom(), answer).refreshed.catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "provider_unavailable", retryAfterSeconds: seconds });
  });

  test("a word of the answer is in no error", async () => {
    const answer = json({ error: "invalid_grant", error_description: "hunter2", error_uri: "https://hunter2" }, 400);
    const failure = await refreshWith(custom(), answer).refreshed.catch((error: unknown) => error);
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain("hunter2");
  });
});

describe("a revocation", () => {
  const revocable = () => custom({ revocation_endpoint: "https://acme.example/revoke" });
  const revokeWith = (provider: Provider, secret: Record<string, unknown>, ...answers: Response[]) => {
    const { context, sent } = scripted(...answers);
    return { sent, revoked: provider.revoke?.(secret, context) };
  };

  test("ends the refresh token, with our client authentication", async () => {
    const { sent, revoked } = revokeWith(revocable(), STORED, new Response(null));
    await revoked;
    expect(sent[0]).toMatchObject({ url: "https://acme.example/revoke", form: { token: "rt-1" } });
    expect(sent[0]?.headers.get("authorization")).toMatch(/^Basic /);
  });

  test("falls back to the access token, and does nothing without either", async () => {
    const only = revokeWith(revocable(), { access_token: "at-1" }, new Response(null));
    await only.revoked;
    expect(only.sent[0]?.form).toEqual({ token: "at-1" });
    const none = revokeWith(revocable(), {});
    await none.revoked;
    expect(none.sent).toEqual([]);
  });

  test("gcp takes the token alone: our secret stays here", async () => {
    const { sent, revoked } = revokeWith(gcp, STORED, json({}));
    await revoked;
    expect(sent[0]).toMatchObject({ url: "https://oauth2.googleapis.com/revoke", form: { token: "rt-1" } });
    expect(sent[0]?.headers.has("authorization")).toBe(false);
  });

  test.each([
    ["a token it no longer knows", json({ error: "invalid_token" }, 400), null],
    ["a refusal", json({ error: "invalid_client" }, 401), "provider_rejected"],
    ["an outage", new Response("down", { status: 503 }), "provider_unavailable"],
    ["a redirect", new Response(null, { status: 302 }), "provider_unavailable"],
  ])("%s → %s", async (_what, answer, code) => {
    const { revoked } = revokeWith(revocable(), STORED, answer);
    if (code === null) return expect(revoked).resolves.toBeUndefined();
    return expect(revoked).rejects.toMatchObject({ code });
  });

  test("without an endpoint there is none", () => {
    expect(custom().revoke).toBeNull();
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
