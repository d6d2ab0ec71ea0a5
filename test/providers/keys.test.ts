import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import { isRefreshable, lacksCredential, type Provider } from "../../src/providers/provider.ts";
import { createRegistry } from "../../src/providers/registry.ts";
import { json, NOW, scripted } from "./scripted-upstream.ts";

const GUID = "8b1e4c62-3d75-4f0a-9c28-61f7e5a0d394";

function find(id: string): Provider {
  const provider = createRegistry([]).find(id);
  if (provider === null) throw new Error(`no provider ${id}`);
  return provider;
}

function connect(id: string, given: Record<string, unknown>, ...answers: (Response | Error)[]) {
  const { context, sent } = scripted(...answers);
  return { sent, acquired: Promise.resolve(find(id).connect?.(given, context)) };
}

describe("datadog", () => {
  const keys = { api_key: "a", app_key: "b" };
  const user = { data: { relationships: { org: { data: { id: GUID } } } } };

  test.each([
    [undefined, "datadoghq.com"],
    ["us", "datadoghq.com"],
    ["us1", "datadoghq.com"],
    ["us3", "us3.datadoghq.com"],
    ["us5.datadoghq.com", "us5.datadoghq.com"],
    ["eu", "datadoghq.eu"],
    ["ap1", "ap1.datadoghq.com"],
    ["ap2", "ap2.datadoghq.com"],
    ["gov", "ddog-gov.com"],
    ["ddog-gov.com", "ddog-gov.com"],
  ])("site %s is %s, and both keys go nowhere else", async (site, host) => {
    const { sent, acquired } = connect("datadog", { ...keys, site }, json({ valid: true }), json(user));
    expect(await acquired).toMatchObject({ secret: { ...keys, site: host }, account: `${host}/${GUID}` });
    expect(sent.map(({ url }) => url)).toEqual([
      `https://api.${host}/api/v1/validate`,
      `https://api.${host}/api/v2/current_user`,
    ]);
    expect(sent.map(({ headers }) => headers.get("dd-application-key"))).toEqual(["b", "b"]);
    expect(find("datadog").apiHosts).toContain(`api.${host}`);
  });

  test.each([
    ["an API key said to be invalid", [json({ valid: false })], "API key"],
    ["a refused API key", [json({}, 403)], "API key"],
    ["a refused application key", [json({ valid: true }), json({}, 403)], "application key"],
    ["keys of nobody", [json({ valid: true }), json({ data: { relationships: { org: null } } })], "whose"],
  ])("%s is refused, and said to be it", async (_what, answers, words) => {
    await expect(connect("datadog", keys, ...answers).acquired).rejects.toMatchObject({
      code: "provider_rejected",
      message: expect.stringContaining(words),
    });
  });
});

describe("splunk", () => {
  const given = { base_url: "https://SPLUNK.example.com:8089/", api_token: "t" };
  const server = json.bind(null, { entry: [{ content: { serverName: "idx1", version: "9.4.0" } }] });

  test("tells anyone what it is: a token is proven by asking whose it is", async () => {
    await expect(connect("splunk", given, server(), json({}, 401)).acquired).rejects.toMatchObject({
      code: "provider_rejected",
    });
    const { sent, acquired } = connect("splunk", given, server(), json({ entry: [{ content: { username: "ada" } }] }));
    expect(await acquired).toMatchObject({
      secret: { base_url: "https://splunk.example.com:8089", api_token: "t" },
      account: "splunk.example.com:8089/ada",
      metadata: { server: { name: "idx1", version: "9.4.0", instanceType: null } },
    });
    expect(sent.map(({ url }) => url)).toEqual([
      "https://splunk.example.com:8089/services/server/info?output_mode=json",
      "https://splunk.example.com:8089/services/authentication/current-context?output_mode=json",
    ]);
  });

  test.each([
    ["another service", [json({ ok: true })]],
    ["an empty list", [json({ entry: [] })]],
    ["a list of nonsense", [json({ entry: ["x"] })]],
    ["a user without a name", [server(), json({ entry: [{ content: {} }] })]],
  ])("%s is no Splunk", async (_what, answers) => {
    await expect(connect("splunk", given, ...answers).acquired).rejects.toMatchObject({ code: "provider_rejected" });
  });
});

describe("netdata", () => {
  test("is Netdata's own cloud unless another address is given, whose users are others", async () => {
    const own = connect("netdata", { api_token: "t" }, json({ id: "u1" }));
    expect(await own.acquired).toMatchObject({ account: "u1", secret: { base_url: "https://app.netdata.cloud" } });
    const given = { api_token: "t", base_url: "https://netdata.example.com" };
    expect(await connect("netdata", given, json({ id: "u1" })).acquired).toMatchObject({
      account: "netdata.example.com/u1",
    });
  });
});

describe("thousandeyes", () => {
  const groups = { accountGroups: [{ aid: "1" }, { aid: "2", accountGroupName: "Two", isCurrentAccountGroup: true }] };

  test.each([
    ["the time its own header names", { "x-organization-rate-limit-reset": String(NOW + 41) }, 41],
    ["what Retry-After says, should it come", { "retry-after": "7", "x-organization-rate-limit-reset": "1" }, 7],
    ["no time, when the one named is past", { "x-organization-rate-limit-reset": String(NOW - 1) }, undefined],
    ["no time, when none is named", {}, undefined],
  ])("a limit ends at %s", async (_what, headers, retryAfterSeconds) => {
    const limited = json({}, 429, headers);
    const failure = await connect("thousandeyes", { api_token: "t" }, limited).acquired.catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: "provider_unavailable", message: expect.stringContaining("limits") });
    expect((failure as { retryAfterSeconds?: number }).retryAfterSeconds).toBe(retryAfterSeconds);
  });

  test("the account is the group the token acts in, or the one asked for", async () => {
    expect(await connect("thousandeyes", { api_token: "t" }, json(groups)).acquired).toMatchObject({ account: "2" });
    const asked = connect("thousandeyes", { api_token: "t", account_group_id: "1" }, json(groups));
    expect(await asked.acquired).toMatchObject({ account: "1", secret: { account_group_id: "1" } });
    expect(asked.sent[0]?.url).toBe("https://api.thousandeyes.com/v7/account-groups?aid=1");
  });
});

describe("scaleway", () => {
  const given = { access_key: "SCWAAAAAAAAAAAAAAAAA", secret_key: GUID.toUpperCase() };
  const bearer = { organization_id: GUID };

  test("a key's end is stored, and an application's organisation is found", async () => {
    const key = { application_id: "app-1", expires_at: "2030-01-02T03:04:05.678Z" };
    const { sent, acquired } = connect("scaleway", given, json(key), json(bearer), json({ total_count: 2 }));
    expect(await acquired).toMatchObject({
      secret: { secret_key: GUID, organization_id: GUID, expires_at: Date.UTC(2030, 0, 2, 3, 4, 5) / 1000 },
      account: GUID,
      metadata: { projects_count: 2 },
    });
    expect(sent.map(({ url }) => new URL(url).pathname)).toEqual([
      "/iam/v1alpha1/api-keys/SCWAAAAAAAAAAAAAAAAA",
      "/iam/v1alpha1/applications/app-1",
      "/account/v3/projects",
    ]);
    expect(sent.every(({ headers }) => headers.get("x-auth-token") === GUID)).toBe(true);
  });

  test("an organisation that is given need not be found", async () => {
    const all = { ...given, organization_id: GUID, project_id: GUID };
    const { sent, acquired } = connect(
      "scaleway",
      all,
      json({ user_id: "u", expires_at: null }),
      json({ total_count: 1 }),
    );
    expect(await acquired).not.toHaveProperty("secret.expires_at");
    expect(sent[1]?.url).toBe(
      `https://api.scaleway.com/account/v3/projects?organization_id=${GUID}&project_ids=${GUID}`,
    );
  });

  test.each([
    ["a key nobody bears", [json({})]],
    ["a bearer without an organisation", [json({ user_id: "u" }), json({})]],
    ["no project", [json({ user_id: "u" }), json(bearer), json({ total_count: 0 })]],
    ["no list", [json({ user_id: "u" }), json(bearer), json({})]],
  ])("%s is refused", async (_what, answers) => {
    await expect(connect("scaleway", given, ...answers).acquired).rejects.toMatchObject({ code: "provider_rejected" });
  });
});

describe("coroot", () => {
  const given = { base_url: "https://coroot.example.com", email: "admin", password: "p" };
  const session = (cookie: string) => new Response("", { headers: { "set-cookie": cookie } });
  const user = json.bind(null, { email: "admin", projects: [{ id: "p1", name: "one" }] });

  test("the session's end is what its cookie says; the password stays inside", async () => {
    const expires = new Date((NOW + 600) * 1000).toUTCString();
    const { sent, acquired } = connect(
      "coroot",
      given,
      session(`coroot_session=a.b==; Path=/; Expires=${expires}`),
      user(),
    );
    expect(await acquired).toMatchObject({
      secret: { ...given, session_cookie: "a.b==", expires_at: NOW + 600 },
      account: "coroot.example.com/admin",
    });
    expect(sent[1]?.headers.get("cookie")).toBe("coroot_session=a.b==");
    expect(find("coroot").exposes).toEqual(["session_cookie", "expires_at", "base_url"]);
  });

  test.each([
    ["coroot_session=x; Max-Age=60; Expires=Thu, 01 Jan 2037 00:00:00 GMT", { expires_at: NOW + 60 }],
    ["coroot_session=x; HttpOnly", {}],
    ["coroot_session=x; Expires=nonsense", {}],
  ])("%s", async (cookie, end) => {
    const { secret } = (await connect("coroot", given, session(cookie), user()).acquired) ?? { secret: null };
    expect(secret).toEqual({ ...given, session_cookie: "x", ...end });
  });

  test.each([
    "other=x",
    "coroot_session=",
    "coroot_session=a b",
    "coroot_session=x; Expires=Thu, 01 Jan 1970 00:00:01 GMT",
  ])("%s is no session", async (cookie) => {
    await expect(connect("coroot", given, session(cookie)).acquired).rejects.toMatchObject({
      code: "provider_unavailable",
    });
  });

  test("a login as another system stores it is enough to make a session from", async () => {
    const coroot = find("coroot");
    expect(coroot.storable.safeParse({ ...given, projects: [] }).success).toBe(true);
    expect(lacksCredential(coroot, given)).toBe(true);
    const { context, sent } = scripted(session("coroot_session=x"));
    expect(await coroot.refresh?.({ ...given, base_url: "https://coroot.example.com/" }, context)).toMatchObject({
      session_cookie: "x",
    });
    expect(sent[0]).toMatchObject({ url: "https://coroot.example.com/api/login", timeoutMs: 60_000 });
  });

  test("a stored address that must not be called asks for a person, not for the address", async () => {
    const { context, sent } = scripted();
    const secret = { ...given, base_url: "https://169.254.169.254" };
    await expect(find("coroot").refresh?.(secret, context)).rejects.toMatchObject({ code: "reauth_required" });
    expect(sent).toEqual([]);
  });
});

describe("gcp by a service account's key", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const file = {
    ...{ type: "service_account", project_id: "web", private_key_id: "k1", private_key: pem },
    ...{ client_email: "a@web.iam.gserviceaccount.com", token_uri: "https://oauth2.googleapis.com/token" },
  };
  const given = { service_account_json: JSON.stringify(file) };
  const tokens = json.bind(null, { access_token: "ya29.c", token_type: "Bearer", expires_in: 3599 });

  test("the assertion says what Google wants to hear, and nothing more", async () => {
    const { sent, acquired } = connect("gcp", given, tokens(), json({ projects: [{ projectId: "web" }] }));
    expect(await acquired).toMatchObject({
      secret: { access_token: "ya29.c", expires_at: NOW + 3599, ...given },
      account: file.client_email,
      upstreamAccount: null,
      scopes: ["https://www.googleapis.com/auth/cloud-platform"],
      metadata: { auth_type: "service_account", default_project_id: "web" },
    });
    expect(sent[0]?.form["grant_type"]).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
    const { payload, protectedHeader } = await jwtVerify(sent[0]?.form["assertion"] ?? "", createPublicKey(pem), {
      currentDate: new Date(NOW * 1000),
    });
    expect(protectedHeader).toEqual({ alg: "RS256", typ: "JWT", kid: "k1" });
    expect(payload).toEqual({
      ...{ iss: file.client_email, aud: "https://oauth2.googleapis.com/token", iat: NOW, exp: NOW + 3600 },
      scope: "https://www.googleapis.com/auth/cloud-platform",
    });
  });

  test("exposes what a consent exposes, and never the key", () => {
    expect(find("gcp").exposes).toEqual(["access_token", "token_type", "expires_at", "scope"]);
  });

  test.each([
    ["no project", json({})],
    ["an empty list of them", json({ projects: [] })],
    ["no permission to see them", json({}, 403)],
  ])("%s is refused", async (_what, answer) => {
    await expect(connect("gcp", given, tokens(), answer).acquired).rejects.toMatchObject({ code: "provider_rejected" });
  });

  test("a key that cannot sign is the sender's mistake, and nobody is asked", async () => {
    const broken = { ...file, private_key: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" };
    const { sent, acquired } = connect("gcp", { service_account_json: JSON.stringify(broken) });
    await expect(acquired).rejects.toMatchObject({ code: "invalid_request" });
    expect(sent).toEqual([]);
  });

  test.each([
    ["invalid_grant", 400],
    ["invalid_client", 401],
    ["disabled_client", 401],
    ["unauthorized_client", 401],
  ])("%s (%i) at a refresh needs a person", async (error, status) => {
    const { context } = scripted(json({ error, error_description: "Invalid JWT Signature." }, status));
    await expect(find("gcp").refresh?.(given, context)).rejects.toMatchObject({ code: "reauth_required" });
  });

  test("a stored key file is looked at again: its token goes to Google alone", async () => {
    const { context, sent } = scripted();
    const moved = { service_account_json: JSON.stringify({ ...file, token_uri: "https://evil.example/token" }) };
    await expect(find("gcp").refresh?.(moved, context)).rejects.toMatchObject({ code: "reauth_required" });
    expect(sent).toEqual([]);
    expect(find("gcp").storable.safeParse(moved).success).toBe(false);
  });

  test("a key file alone is storable, and due at once; neither it nor a token is nothing", () => {
    const gcp = find("gcp");
    expect(gcp.storable.safeParse(given).success).toBe(true);
    expect(lacksCredential(gcp, given)).toBe(true);
    expect(isRefreshable(gcp, given)).toBe(true);
    expect(gcp.storable.safeParse({ access_token: "at", refresh_token: "rt" }).success).toBe(true);
    expect(gcp.storable.safeParse({ email: "a@example.com" }).success).toBe(false);
  });

  test("there is nothing to revoke: the key is Google's to delete", async () => {
    const { context, sent } = scripted();
    await find("gcp").revoke?.({ ...given, access_token: "ya29.c" }, context);
    expect(sent).toEqual([]);
  });
});
