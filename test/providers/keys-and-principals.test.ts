import { describe, expect, test } from "vitest";
import { createSecret } from "../../src/domain/secret.ts";
import { azure } from "../../src/providers/azure.ts";
import { customProviderSettings } from "../../src/providers/custom-settings.ts";
import { grafana } from "../../src/providers/grafana.ts";
import { createRegistry, PROVIDERS } from "../../src/providers/registry.ts";
import { readXmlText } from "../../src/providers/xml.ts";
import { json, NOW, scripted } from "./scripted-upstream.ts";

const TENANT = "7F3C1A52-0D4E-4B8A-9C61-2E5D8F70A1B3";
const PRINCIPAL = { tenant_id: TENANT, client_id: "c2a9e4d7-5b13-4f60-8d2e-91b7a3c5f804", client_secret: "s~1" };
const TOKENS = { access_token: "at", token_type: "Bearer", expires_in: "3599" };
const page = (ids: readonly string[], nextLink?: string, state = "Enabled") =>
  json({
    value: ids.map((subscriptionId) => ({ subscriptionId, displayName: `Name ${subscriptionId}`, state })),
    nextLink,
  });

describe("azure", () => {
  const connect = (given: Record<string, unknown>, ...answers: Response[]) => {
    const { context, sent } = scripted(...answers);
    return { sent, acquired: azure.connect({ ...PRINCIPAL, ...given }, context) };
  };

  test("asks for a management token in the tenant's own path and stores what mints the next one", async () => {
    const { sent, acquired } = connect({}, json(TOKENS), page(["sub-1", "sub-2"]));
    expect(await acquired).toMatchObject({
      secret: {
        ...PRINCIPAL,
        access_token: "at",
        token_type: "Bearer",
        expires_at: NOW + 3599,
        subscription_id: "sub-1",
        subscription_name: "Name sub-1",
      },
      account: "sub-1",
      metadata: {
        subscription_name: "Name sub-1",
        subscriptions: [
          { subscription_id: "sub-1", subscription_name: "Name sub-1" },
          { subscription_id: "sub-2", subscription_name: "Name sub-2" },
        ],
      },
    });
    expect(sent[0]?.url).toBe(`https://login.microsoftonline.com/${TENANT.toLowerCase()}/oauth2/v2.0/token`);
    expect(sent[0]?.form).toEqual({
      grant_type: "client_credentials",
      scope: "https://management.azure.com/.default",
      client_id: PRINCIPAL.client_id,
      client_secret: PRINCIPAL.client_secret,
    });
    expect(sent[1]?.url).toBe("https://management.azure.com/subscriptions?api-version=2020-01-01");
  });

  test("a subscription without a name is called as the person calls it, the others as nothing", async () => {
    const nameless = json({
      value: ["sub-1", "sub-2"].map((subscriptionId) => ({ subscriptionId, state: "Enabled" })),
    });
    const { metadata } = await connect({ subscription_name: "Mine" }, json(TOKENS), nameless).acquired;
    expect(metadata).toEqual({
      subscription_name: "Mine",
      subscriptions: [
        { subscription_id: "sub-1", subscription_name: null },
        { subscription_id: "sub-2", subscription_name: null },
      ],
    });
  });

  test("the end of the secret is kept beside it, through a refresh, and said when it is why the secret is refused", async () => {
    const given = { client_secret_expires_at: "2027-01-15T08:00:00+02:00" };
    const { secret } = await connect(given, json(TOKENS), page([TENANT])).acquired;
    expect(secret).toMatchObject(given);
    expect(await azure.refresh(secret, scripted(json(TOKENS)).context)).toMatchObject(given);
    const refuse = (end: string) => {
      const { context } = scripted(json({ error: "invalid_client" }, 401));
      return azure.refresh({ ...secret, client_secret_expires_at: end }, context).catch((error: unknown) => error);
    };
    expect(await refuse("2027-01-15T07:59:59Z")).toMatchObject({
      code: "reauth_required",
      message: expect.stringContaining("expired on 2027-01-15"),
    });
    expect(await refuse("2027-01-15T08:00:01Z")).toMatchObject({ message: expect.not.stringContaining("2027") });
  });

  test("finds a named subscription on a later page, and follows no link elsewhere", async () => {
    const wanted = "5a1d7c90-3e2b-4f84-a6c5-0b9e8d7f6a51";
    const next = "https://management.azure.com/subscriptions?api-version=2020-01-01&$skiptoken=2";
    const found = connect({ subscription_id: wanted }, json(TOKENS), page(["sub-1"], next), page([wanted]));
    expect((await found.acquired).account).toBe(wanted);
    const lost = connect(
      { subscription_id: wanted },
      json(TOKENS),
      page(["sub-1"], "https://evil.example/subscriptions"),
    );
    await expect(lost.acquired).rejects.toMatchObject({ code: "provider_rejected" });
    expect(lost.sent).toHaveLength(2);
  });

  test.each([
    ["none at all", page([])],
    ["only a disabled one", page(["sub-1"], undefined, "Disabled")],
    ["only a warned one", page(["sub-1"], undefined, "Warned")],
    ["a list of nonsense", json({ value: [null, 1, { state: "Enabled" }] })],
  ])("%s is no enabled subscription", async (_what, answer) => {
    await expect(connect({}, json(TOKENS), answer).acquired).rejects.toMatchObject({
      code: "provider_rejected",
      message: expect.stringContaining("no enabled subscription"),
    });
  });

  test.each([
    ["invalid_client", 401, "reauth_required"],
    ["unauthorized_client", 400, "reauth_required"],
    ["invalid_request", 400, "reauth_required"],
    ["invalid_scope", 400, "provider_rejected"],
    ["server_error", 500, "provider_unavailable"],
  ])("%s (%i) at a refresh → %s", async (error, status, code) => {
    const { context } = scripted(
      json({ error, error_description: "AADSTS7000222: expired", error_codes: [7000222] }, status),
    );
    const failure = await azure.refresh({ ...PRINCIPAL, grant: "g" }, context).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code });
    expect((failure as Error).message).not.toContain("AADSTS");
  });

  test("a principal stored as the seed stores it is enough to mint from", async () => {
    expect(azure.storable.safeParse(PRINCIPAL).success).toBe(true);
    expect(await azure.refresh({ ...PRINCIPAL, grant: "g" }, scripted(json(TOKENS)).context)).toMatchObject({
      access_token: "at",
      grant: "g",
    });
  });
});

describe("grafana", () => {
  const given = { base_url: "https://GRAFANA.example.com:443/metrics/", service_account_token: "glsa_x" };

  test("is asked below its own path, and stored in one spelling", async () => {
    const { context, sent } = scripted(json({ id: 7, name: "Main Org." }));
    expect(await grafana.connect?.(given, context)).toEqual({
      secret: { base_url: "https://grafana.example.com/metrics", service_account_token: "glsa_x" },
      account: "grafana.example.com/7",
      upstreamAccount: null,
      scopes: [],
      metadata: { base_url: "https://grafana.example.com/metrics", organization: "Main Org." },
    });
    expect(sent[0]?.url).toBe("https://grafana.example.com/metrics/api/org");
  });

  test.each([
    "http://grafana.example.com",
    "https://127.0.0.1",
    "https://[::1]",
    "https://localhost",
    "https://user@grafana.example.com",
    "https://grafana.example.com/?q=1",
    "https://grafana.example.com/#x",
    "grafana.example.com",
    "https://grafana.internal",
  ])("does not take %s", (base_url) => {
    expect(grafana.credentials?.safeParse({ ...given, base_url }).success).toBe(false);
  });

  test.each([
    ["401", json({}, 401), "provider_rejected"],
    ["403", json({}, 403), "provider_rejected"],
    ["404", json({}, 404), "provider_rejected"],
    ["418", json({}, 418), "provider_rejected"],
    ["a sign-in page", json("<html>"), "provider_unavailable"],
    ["a redirect to one", new Response(null, { status: 302 }), "provider_unavailable"],
    ["502", json({}, 502), "provider_unavailable"],
    ["another JSON service", json({ status: "ok" }), "provider_rejected"],
  ])("%s → %s", async (_what, answer, code) => {
    await expect(grafana.connect?.(given, scripted(answer).context)).rejects.toMatchObject({ code });
  });
});

describe("the registry", () => {
  const entry = {
    ...{
      id: "acme",
      name: "Acme",
      token_endpoint: "https://acme.example/t",
      authorization_endpoint: "https://acme.example/a",
    },
    ...{
      client_id: "i",
      client_secret: createSecret("s"),
      scopes: [],
      token_endpoint_auth_method: "client_secret_basic" as const,
    },
  };

  test("lists the built-in providers in alphabetical order, then the operator's own", () => {
    const ids = PROVIDERS.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted());
    expect(
      createRegistry([entry])
        .list()
        .map(({ id }) => id),
    ).toEqual([...ids, "acme"]);
    expect(createRegistry([entry]).find("acme")?.authorization?.callbackPath).toBe("/api/v1/oauth/acme/callback");
  });

  test.each(["nobody", "", "constructor", "__proto__"])("knows no provider %j", (id) => {
    expect(createRegistry([]).find(id)).toBeNull();
  });

  test("refuses an operator's id that is taken", () => {
    expect(() => createRegistry([{ ...entry, id: "gcp" }])).toThrow(expect.objectContaining({ code: "misconfigured" }));
    expect(() => createRegistry([entry, entry])).toThrow(expect.objectContaining({ code: "misconfigured" }));
  });
});

describe("CUSTOM_PROVIDERS", () => {
  const entry = {
    ...{ id: "acme", name: "Acme", client_id: "i", client_secret: "s" },
    ...{ authorization_endpoint: "https://acme.example/a", token_endpoint: "https://acme.example/t" },
  };

  test("asks for no more than an OAuth server needs", () => {
    const [parsed] = customProviderSettings.parse([entry]);
    expect(parsed).toMatchObject({ id: "acme", scopes: [], token_endpoint_auth_method: "client_secret_basic" });
    expect(parsed?.client_secret.reveal()).toBe("s");
  });

  test.each([
    ["an id with a hyphen", { id: "my-idp" }],
    ["an id in upper case", { id: "Acme" }],
    ["a consent page that is a script", { authorization_endpoint: "javascript:alert(1)" }],
    ["a token endpoint that is a file", { token_endpoint: "file:///etc/passwd" }],
    ["no way to the consent page", { authorization_endpoint: undefined }],
    ["no secret", { client_secret: "" }],
    ["a field nobody knows", { tokn_endpoint: "https://acme.example/t" }],
  ])("does not take %s", (_what, change) => {
    expect(customProviderSettings.safeParse([{ ...entry, ...change }]).success).toBe(false);
  });
});

describe("the little XML", () => {
  test.each([
    ["<a><b>text</b></a>", ["a", "b"], "text"],
    ['<a xmlns="x">\n <b> text </b></a>', ["a", "b"], "text"],
    ["<a><b>&lt;&amp;&gt;&quot;&apos;</b></a>", ["a", "b"], `<&>"'`],
    ["<a><b>&unknown;</b></a>", ["a", "b"], "&unknown;"],
    ["<a><bb>no</bb></a>", ["a", "b"], null],
    ["<a><b></b></a>", ["a", "b"], null],
    ["<a><b/></a>", ["a", "b"], null],
    ["<a><b>1</b><b>2</b></a>", ["a", "b"], null],
    ["<a><b>1</b></a></a>", ["a", "b"], null],
    ["<a><c><b>1</b></c></a>", ["a", "b"], "1"],
    ["<b>1</b><a></a>", ["a", "b"], null],
    ["<a><b><c>1</c></b></a>", ["a", "b"], null],
    ["<a><b>1</a>", ["a", "b"], null],
    ["</b><a><b>1", ["a", "b"], null],
    ["<a><!-- <b>1</b> --></a>", ["a", "b"], null],
    ["<a><b><![CDATA[1]]></b></a>", ["a", "b"], null],
    ['<!DOCTYPE a [<!ENTITY x "y">]><a><b>1</b></a>', ["a", "b"], null],
    ["", ["a"], null],
  ])("%j at %j reads %j", (xml, path, text) => {
    expect(readXmlText(xml, path)).toBe(text);
  });
});
