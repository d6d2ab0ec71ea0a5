import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { bitbucket } from "../../src/providers/bitbucket.ts";
import { ovh } from "../../src/providers/ovh.ts";
import { isRefreshable, lacksCredential, type Provider } from "../../src/providers/provider.ts";
import { slack } from "../../src/providers/slack.ts";
import { type PlayedProviders, startProviders } from "./sandbox-providers.ts";
import { json, NOW, scripted } from "./scripted-upstream.ts";

const SETTINGS = {
  ...{ SLACK_CLIENT_ID: "1.2", SLACK_CLIENT_SECRET: "slack-secret" },
  ...{ BITBUCKET_CLIENT_ID: "key", BITBUCKET_CLIENT_SECRET: "bb-secret" },
  ...{ OVH_EU_CLIENT_ID: "eu", OVH_EU_CLIENT_SECRET: "eu-secret", OVH_US_CLIENT_ID: "us", OVH_US_CLIENT_SECRET: "s" },
};
const play = (...answers: Response[]) => {
  const { context, sent } = scripted(...answers);
  return { sent, context: { ...context, settings: SETTINGS } };
};
const flowOf = ({ authorization }: Provider) => {
  if (authorization === null) throw new Error("no consent");
  return authorization;
};
const REQUEST = {
  state: "s-1",
  redirectUri: "https://aurora.example.com/cb",
  codeChallenge: "c-1",
  scopes: ["a", "b"],
};
const EXCHANGE = {
  ...{ callback: new URLSearchParams("code=c&state=s-1"), state: "s-1" },
  ...{ redirectUri: "https://aurora.example.com/cb", codeVerifier: "v-1", choice: {} },
};

let played: PlayedProviders;
beforeAll(async () => {
  played = await startProviders();
});
afterAll(() => played.stop());
afterEach(() => played.reset());

describe("slack", () => {
  const TOKENS = { ok: true, access_token: "xoxb-1", token_type: "bot", scope: "chat:write,users:read" };
  const IDENTITY = { ok: true, url: "https://t.slack.com/", team: "Team", team_id: "T1", user_id: "U1" };

  test("is asked with commas between scopes and without PKCE, which it would refuse", async () => {
    const url = await flowOf(slack).authorizeUrl(REQUEST, play().context);
    expect(`${url.origin}${url.pathname}`).toBe("https://slack.com/oauth/v2/authorize");
    expect(url.searchParams.get("scope")).toBe("a,b");
    expect([...url.searchParams.keys()].filter((name) => name.startsWith("code_"))).toEqual([]);
  });

  test("a static token is stored as one that callers send as Bearer, and is never refreshed", async () => {
    const { context, sent } = play(json(TOKENS), json(IDENTITY));
    const acquired = await flowOf(slack).exchange(EXCHANGE, context);
    expect(acquired).toMatchObject({
      secret: { access_token: "xoxb-1", token_type: "Bearer" },
      account: "T1",
      upstreamAccount: "1.2:T1",
      scopes: ["chat:write", "users:read"],
    });
    expect(sent[0]?.form).not.toHaveProperty("code_verifier");
    expect(sent[0]?.form).toMatchObject({ client_id: "1.2", client_secret: "slack-secret" });
    expect(isRefreshable(slack, acquired.secret)).toBe(false);
    expect(lacksCredential(slack, acquired.secret)).toBe(false);
  });

  test("a static token from the sandbox works, and one that rotates is told apart from it", async () => {
    await played.tokens({ provider: "slack", rotate: false });
    const fixed = await played.acquire(slack, null);
    expect(fixed.secret["access_token"]).toMatch(/^xoxb-/);
    expect(fixed.secret).not.toHaveProperty("refresh_token");
    expect(isRefreshable(slack, fixed.secret)).toBe(false);
    await played.reset();
    const rotating = await played.acquire(slack, null);
    expect(rotating.secret["access_token"]).toMatch(/^xoxe\.xoxb-/);
    expect(isRefreshable(slack, rotating.secret)).toBe(true);
  });

  test.each([
    ["invalid_refresh_token", "reauth_required"],
    ["token_revoked", "reauth_required"],
    ["account_inactive", "reauth_required"],
    ["bad_client_secret", "provider_rejected"],
    ["invalid_client_id", "provider_rejected"],
    ["pkce_not_allowed", "provider_rejected"],
    ["constructor", "provider_rejected"],
    ["internal_error", "provider_unavailable"],
    ["ratelimited", "provider_unavailable"],
  ])("%s in a 200 means %s", async (error, code) => {
    const { context } = play(json({ ok: false, error }));
    const failure = await slack.refresh?.({ refresh_token: "xoxe-1" }, context).catch((refusal: unknown) => refusal);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(/^[A-Z].*\.$/) });
  });

  test.each([
    ["invalid_auth", "provider_rejected", "does not accept"],
    ["missing_scope", "provider_rejected", "lacks a scope"],
    ["constructor", "provider_rejected", "refused the request"],
    ["fatal_error", "provider_unavailable", "no usable answer"],
  ])("%s from auth.test is %s, in words", async (error, code, words) => {
    const { context } = play(json(TOKENS), json({ ok: false, error }));
    const message = expect.stringContaining(words);
    await expect(flowOf(slack).exchange(EXCHANGE, context)).rejects.toMatchObject({ code, message });
  });

  test("an expired token is refreshed before the revocation: it would end nothing", async () => {
    const secret = { access_token: "xoxe.xoxb-1", refresh_token: "xoxe-1", expires_at: NOW - 1 };
    const fresh = { ...TOKENS, access_token: "xoxe.xoxb-2", refresh_token: "xoxe-2", expires_in: 43_200 };
    const { context, sent } = play(json({ ok: false, error: "token_expired" }), json(fresh), json({ ok: true }));
    await slack.revoke?.(secret, context);
    expect(sent.map(({ url }) => url.split("/").at(-1))).toEqual(["auth.revoke", "oauth.v2.access", "auth.revoke"]);
    expect(sent[2]?.headers.get("authorization")).toBe("Bearer xoxe.xoxb-2");
  });

  test("an expired token of a grant that has ended leaves nothing to revoke", async () => {
    const secret = { access_token: "xoxe.xoxb-1", refresh_token: "xoxe-1" };
    const answers = [json({ ok: false, error: "token_expired" }), json({ ok: false, error: "invalid_refresh_token" })];
    await expect(slack.revoke?.(secret, play(...answers).context)).resolves.toBeUndefined();
  });

  test("a revocation that is refused or not answered is said", async () => {
    const revoke = (error: string) => slack.revoke?.({ access_token: "x" }, play(json({ ok: false, error })).context);
    await expect(revoke("no_permission")).rejects.toMatchObject({ code: "provider_rejected" });
    await expect(revoke("service_unavailable")).rejects.toMatchObject({ code: "provider_unavailable" });
  });
});

describe("bitbucket", () => {
  test("an API token says which scopes it lacks, and is never refreshed", async () => {
    const acquired = await played.acquire(bitbucket, await played.credentials("bitbucket", "keys"));
    expect(acquired.metadata).toEqual({
      auth_type: "api_token",
      display_name: "Sandbox demo",
      missing_scopes: ["delete:webhook:bitbucket"],
    });
    expect(acquired.scopes).toContain("read:user:bitbucket");
    expect(isRefreshable(bitbucket, acquired.secret)).toBe(false);
    expect(lacksCredential(bitbucket, acquired.secret)).toBe(false);
  });

  test("a consent names the scopes it did not get", async () => {
    const tokens = { access_token: "at", refresh_token: "rt", expires_in: 7200, scopes: "account repository" };
    const { context, sent } = play(json(tokens), json({ username: "me", display_name: "Me" }));
    const acquired = await flowOf(bitbucket).exchange(EXCHANGE, context);
    expect(acquired).toMatchObject({ account: "me", scopes: ["account", "repository"] });
    expect(acquired.metadata).toMatchObject({
      auth_type: "oauth",
      missing_scopes: expect.arrayContaining(["webhook", "repository:write"]),
    });
    expect(sent[0]?.headers.get("authorization")).toBe(`Basic ${btoa("key:bb%2Dsecret")}`);
  });

  test("is usable without the operator's consumer, by API token; its consent names the settings it needs", () => {
    expect(bitbucket.settings).toEqual([]);
    expect(flowOf(bitbucket).settings?.({})).toEqual(["BITBUCKET_CLIENT_ID", "BITBUCKET_CLIENT_SECRET"]);
    expect(bitbucket.optionalSettings).toEqual(flowOf(bitbucket).settings?.({}));
  });

  test.each([
    ["the tokens of a consent", { access_token: "a", refresh_token: "r" }, true],
    ["an API token with its email", { email: "a@b.example", api_token: "t" }, true],
    ["an API token alone", { api_token: "t" }, false],
    ["nothing", {}, false],
  ])("%s: stored as given is %s", (_what, secret, isStorable) => {
    expect(bitbucket.storable.safeParse(secret).success).toBe(isStorable);
  });
});

describe("ovh", () => {
  test.each([
    ["ovh-eu", "www.ovh.com", "eu.api.ovh.com"],
    ["ovh-ca", "ca.ovh.com", "ca.api.ovh.com"],
    ["ovh-us", "us.ovhcloud.com", "api.us.ovhcloud.com"],
  ])("%s is asked, exchanged, probed and refreshed at its own hosts", async (endpoint, host, apiHost) => {
    const exchange = await played.consent(ovh, { choice: { endpoint, project_id: "p1" } });
    const acquired = await flowOf(ovh).exchange(exchange, played.context());
    expect(acquired.secret).toMatchObject({ endpoint, project_id: "p1" });
    expect(acquired.account).toMatch(new RegExp(`^${endpoint}/sb\\d{6}-ovh$`));
    await ovh.refresh?.(acquired.secret, played.context());
    const hosts = (await played.calls("ovh")).filter((call) => call.endpoint !== null).map((call) => call.host);
    expect(hosts).toEqual([host, host, apiHost, host]);
  });

  test.each([
    [{ endpoint: "ovh-mars" }],
    [{ endpoint: "https://evil.example" }],
    [{ endpoint: "" }],
    [{ endpoint: "ovh-eu", project_id: "../x" }],
    [{ endpoint: "ovh-eu", host: "evil.example" }],
  ])("%j is not an option", (options) => {
    expect(flowOf(ovh).options?.safeParse(options).success).toBe(false);
  });

  test("no option is Europe, and a region needs its own settings only", () => {
    expect(flowOf(ovh).options?.parse({})).toEqual({ endpoint: "ovh-eu" });
    expect(flowOf(ovh).settings?.({ endpoint: "ovh-us" })).toEqual(["OVH_US_CLIENT_ID", "OVH_US_CLIENT_SECRET"]);
  });

  test("scopes of one's own are asked for as they are", async () => {
    const url = await flowOf(ovh).authorizeUrl({ ...REQUEST, choice: { endpoint: "ovh-us" } }, play().context);
    expect(url.href).toMatch(/^https:\/\/us\.ovhcloud\.com\/auth\/oauth2\/authorize\?/);
    expect(url.searchParams.get("scope")).toBe("a b");
    expect(url.searchParams.get("code_challenge_method")).toBe("S256");
  });

  test("a service account stored without a token mints its first at once", async () => {
    const stored = { endpoint: "ovh-ca", client_id: "CA.1", client_secret: "s" };
    expect(ovh.storable.safeParse(stored).success).toBe(true);
    expect(lacksCredential(ovh, stored)).toBe(true);
    expect(lacksCredential(ovh, { endpoint: "ovh-ca" })).toBe(true);
    const { context, sent } = play(json({ access_token: "at", expires_in: 3599 }));
    expect(await ovh.refresh?.(stored, context)).toMatchObject({ access_token: "at", expires_at: NOW + 3599 });
    expect(sent[0]).toMatchObject({ url: "https://ca.ovh.com/auth/oauth2/token", form: { scope: "all" } });
  });

  test("a stored host is never called: only the three regions are", async () => {
    const { context, sent } = play(json({ access_token: "at" }));
    await ovh.refresh?.({ endpoint: "evil.example", access_token: "a", refresh_token: "r" }, context);
    expect(sent[0]?.url).toBe("https://www.ovh.com/auth/oauth2/token");
    expect(ovh.storable.safeParse({ endpoint: "evil.example", access_token: "a" }).success).toBe(false);
  });
});
