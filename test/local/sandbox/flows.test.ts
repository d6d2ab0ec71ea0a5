import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Sandbox } from "../../../local/sandbox/server.ts";
import { approveConsent } from "../../support/consent.ts";
import { CALLBACK, control, postForm, readAnswer, readCredentials, startTestSandbox } from "./sandbox-client.ts";

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.stop());
beforeEach(() => control(sandbox, "/_reset"));

const at = (origin: string, path: string) => `${sandbox.origins[origin]}${path}`;
const setting = (name: string) => sandbox.settings[name] ?? "";

async function consent(url: string, query: Record<string, string>): Promise<URLSearchParams> {
  const { finalLocation } = await approveConsent(`${url}?${new URLSearchParams({ redirect_uri: CALLBACK, ...query })}`);
  return new URL(finalLocation).searchParams;
}

describe("Slack", () => {
  const authorize = () => at("https://slack.com", "/oauth/v2/authorize");
  const client = () => ({ client_id: setting("SLACK_CLIENT_ID"), client_secret: setting("SLACK_CLIENT_SECRET") });
  const exchange = (form: Record<string, string>) =>
    postForm(at("https://slack.com", "/api/oauth.v2.access"), { ...client(), redirect_uri: CALLBACK, ...form });
  const post = (method: string, token: unknown) =>
    readAnswer(
      fetch(at("https://slack.com", `/api/${method}`), {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
      }),
    );
  const install = async () => {
    const query = { client_id: setting("SLACK_CLIENT_ID"), scope: "chat:write,users:read", state: "s" };
    return exchange({ code: (await consent(authorize(), query)).get("code") ?? "" });
  };

  test("installs with a rotating bot token, or a static one when rotation is off", async () => {
    const { body } = await install();
    expect(body).toMatchObject({ ok: true, token_type: "bot", scope: "chat:write,users:read", expires_in: 43_200 });
    expect(body["refresh_token"]).toMatch(/^xoxe-1-/);
    expect((await post("auth.test", body["access_token"])).body).toMatchObject({
      ok: true,
      team_id: expect.any(String),
    });
    await control(sandbox, "/_tokens", { provider: "slack", rotate: false });
    const fixed = (await install()).body;
    expect(fixed["access_token"]).toMatch(/^xoxb-/);
    expect(fixed).not.toHaveProperty("expires_in");
  });

  test("refuses with ok: false in a 200", async () => {
    const errorOf = async (form: Record<string, string>) => {
      const { status, body } = await exchange(form);
      return [status, body["ok"], body["error"]];
    };
    expect(await errorOf({ code: "wrong" })).toEqual([200, false, "invalid_code"]);
    expect(await errorOf({ code: "wrong", client_secret: "wrong" })).toEqual([200, false, "bad_client_secret"]);
    expect(await errorOf({ code: "wrong", client_id: "9.9" })).toEqual([200, false, "invalid_client_id"]);
    expect(await errorOf({ code: "wrong", code_verifier: "x".repeat(43) })).toEqual([200, false, "pkce_not_allowed"]);
    expect(await errorOf({ grant_type: "refresh_token", refresh_token: "xoxe-1-wrong" })).toEqual([
      ...[200, false, "invalid_refresh_token"],
    ]);
    expect((await post("auth.test", "xoxb-wrong")).body).toEqual({ ok: false, error: "invalid_auth" });
  });

  test("shows a page for PKCE, an unknown scope and a foreign redirect", async () => {
    const query = { client_id: setting("SLACK_CLIENT_ID"), scope: "chat:write", redirect_uri: CALLBACK };
    const page = async (changes: Record<string, string>) => {
      const answer = await fetch(`${authorize()}?${new URLSearchParams({ ...query, ...changes })}`, {
        redirect: "manual",
      });
      return /Error details: (\w+)/.exec(await answer.text())?.[1];
    };
    expect(await page({ code_challenge: "c", code_challenge_method: "S256" })).toBe("pkce_not_allowed");
    expect(await page({ scope: "chat:write,admin" })).toBe("invalid_scope");
    expect(await page({ redirect_uri: "https://evil.example/cb" })).toBe("bad_redirect_uri");
    expect(await page({ client_id: "9.9" })).toBe("invalid_client_id");
  });

  test("a revocation ends both tokens", async () => {
    const { body } = await install();
    expect((await post("auth.revoke", body["access_token"])).body).toEqual({ ok: true, revoked: true });
    expect((await post("auth.revoke", body["access_token"])).body).toEqual({ ok: false, error: "invalid_auth" });
    const refreshed = await exchange({ grant_type: "refresh_token", refresh_token: String(body["refresh_token"]) });
    expect(refreshed.body).toEqual({ ok: false, error: "invalid_refresh_token" });
  });
});

describe("Bitbucket", () => {
  const user = (authorization: string) =>
    readAnswer(fetch(at("https://api.bitbucket.org", "/2.0/user"), { headers: { authorization } }));
  const basic = (email = "", token = "") => `Basic ${Buffer.from(`${email}:${token}`).toString("base64")}`;

  test("takes the client by Basic only, and answers a token that reads the user", async () => {
    const query = { client_id: setting("BITBUCKET_CLIENT_ID"), response_type: "code", state: "s", scope: "account" };
    const code = (await consent(at("https://bitbucket.org", "/site/oauth2/authorize"), query)).get("code") ?? "";
    const token = at("https://bitbucket.org", "/site/oauth2/access_token");
    const form = { grant_type: "authorization_code", code, redirect_uri: CALLBACK };
    const pair = [setting("BITBUCKET_CLIENT_ID"), setting("BITBUCKET_CLIENT_SECRET")] as const;
    const posted = await postForm(token, { ...form, client_id: pair[0], client_secret: pair[1] });
    expect(posted.status).toBe(401);
    const { status, body } = await postForm(token, form, { authorization: basic(...pair) });
    expect([status, body["expires_in"]]).toEqual([200, 7200]);
    const answer = await user(`Bearer ${body["access_token"]}`);
    expect([answer.status, answer.body["username"]]).toEqual([200, "demo"]);
    // The consumer's scopes, not the parameter's.
    expect(answer.headers.get("x-oauth-scopes")).toContain("repository:write");
  });

  test("an API token reads the user with its email; a wrong one is 401, one without the scope 403", async () => {
    const good = (await readCredentials(sandbox, "?keys"))["bitbucket"] ?? {};
    const powerless = (await readCredentials(sandbox, "?refused"))["bitbucket"] ?? {};
    expect((await user(basic(good["email"], good["api_token"]))).status).toBe(200);
    expect((await user(basic("other@example.com", good["api_token"]))).status).toBe(401);
    expect((await user(basic(good["email"], "wrong"))).status).toBe(401);
    expect((await user(basic(powerless["email"], powerless["api_token"]))).status).toBe(403);
    expect((await user("")).status).toBe(401);
  });
});

describe("OVHcloud", () => {
  const mint = (host: string, form: Record<string, string>) =>
    postForm(at(`https://${host}`, "/auth/oauth2/token"), { grant_type: "client_credentials", scope: "all", ...form });
  const me = (host: string, token: unknown) =>
    readAnswer(fetch(at(`https://${host}`, "/1.0/me"), { headers: { authorization: `Bearer ${token}` } }));

  test("a service account reads its account in its own region only", async () => {
    const { client_id = "", client_secret = "" } = (await readCredentials(sandbox, "?keys"))["ovh"] ?? {};
    const { body } = await mint("www.ovh.com", { client_id, client_secret });
    expect((await me("eu.api.ovh.com", body["access_token"])).body["nichandle"]).toBe("sb100001-ovh");
    expect((await me("ca.api.ovh.com", body["access_token"])).status).toBe(401);
    expect((await mint("ca.ovh.com", { client_id, client_secret })).body["error"]).toBe("invalid_client");
    expect((await mint("www.ovh.com", { client_id, client_secret: "wrong" })).status).toBe(401);
    expect((await mint("www.ovh.com", { client_id, client_secret, scope: "some" })).body["error"]).toBe(
      "invalid_scope",
    );
  });

  test("a service account without the action is 403", async () => {
    const { client_id = "", client_secret = "" } = (await readCredentials(sandbox, "?refused"))["ovh"] ?? {};
    const { body } = await mint("www.ovh.com", { client_id, client_secret });
    expect((await me("eu.api.ovh.com", body["access_token"])).status).toBe(403);
  });

  test("a consent without PKCE, or for a scope nobody knows, ends in an error", async () => {
    const query = { client_id: setting("OVH_CA_CLIENT_ID"), response_type: "code", state: "s", scope: "all" };
    const page = at("https://ca.ovh.com", "/auth/oauth2/authorize");
    expect((await consent(page, query)).get("error")).toBe("invalid_request");
    const pkce = { code_challenge: "c".repeat(43), code_challenge_method: "S256" };
    expect((await consent(page, { ...query, ...pkce, scope: "root" })).get("error")).toBe("invalid_scope");
    expect((await consent(page, { ...query, ...pkce })).has("code")).toBe(true);
  });
});
