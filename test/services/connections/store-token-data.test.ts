import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/domain/json.ts";
import { readTokenOf } from "../../../src/services/connections/read-token.ts";
import { type GivenTokens, storeTokenData } from "../../../src/services/connections/store-token-data.ts";
import { createServiceWorld, person } from "../../support/service-world.ts";

const ada = person("a");

function store(tokenData: JsonObject, change: Partial<GivenTokens> = {}) {
  const world = createServiceWorld();
  const given: GivenTokens = {
    provider: "rotating",
    tokenData: { access_token: "a", ...tokenData },
    choice: { account: null, shared: null },
    subscriptionName: null,
    subscriptionId: null,
    ...change,
  };
  return { world, storing: storeTokenData(world.deps, ada, given) };
}

async function expectRefused(tokenData: JsonObject, change: Partial<GivenTokens> = {}, code = "invalid_request") {
  const { world, storing } = store(tokenData, change);
  await expect(storing).rejects.toMatchObject({ code });
  expect(world.deps.connections.rows.size).toBe(0);
  expect(world.deps.secrets.paths()).toEqual([]);
}

describe("token data is refused", () => {
  test("for an unknown provider", () => expectRefused({}, { provider: "nobody" }, "not_found"));

  test("without what the provider's kind needs", () => expectRefused({ access_token: 5 }));

  test.each([
    ["http://example.com/"],
    ["https://127.0.0.1/"],
    ["https://169.254.169.254/latest"],
    ["https://[::1]/"],
    ["https://2130706433/"],
    ["https://localhost/"],
    ["https://service.internal/"],
    ["https://user@example.com/"],
    ["https://example.com:22/"],
    ["https://aurora.example/"],
    ["https://sub.aurora.example/"],
    ["ftp://example.com/"],
    ["file:///etc/passwd"],
    ["HTTPS://LOCALHOST/"],
    [" https://127.0.0.1"],
    ["https:127.0.0.1"],
    ["https:/127.0.0.1"],
    ["http:\\\\127.0.0.1"],
    ["https://kubernetes.default.svc/"],
  ])("with the URL %s, however deep it lies", async (url) => {
    await expectRefused({ base_url: url });
    await expectRefused({ extra: { endpoints: [{ url: "https://example.com/" }, { url }] } });
    await expectRefused({ list: [["x", [url]]] });
  });

  test.each([[""], ["another-workspace's"], [null], [17]])("with the external id %s", (external_id) =>
    expectRefused({ external_id }),
  );

  test.each([[1_800_000_000_000], ["soon"], [-1], [0], [1e300]])("with the expiry %s", (expires_at) =>
    expectRefused({ expires_at }),
  );
});

describe("token data is stored", () => {
  test("as given, with the workspace's own external id and public URLs", async () => {
    const external_id = `external-id-of-${ada.principal.workspaceId}`;
    const { storing } = store({ external_id, base_url: "https://grafana.example.com/", expires_at: 1_800_003_600 });
    expect(await storing).toMatchObject({ replaced: false, connection: { status: "active", version: 1 } });
  });

  test("under the subscription it names, and shows its name", async () => {
    const { storing } = store({}, { subscriptionId: "sub-1", subscriptionName: "Production" });
    expect(await storing).toMatchObject({
      connection: { account: "sub-1", metadata: { subscription_name: "Production" } },
    });
  });

  test.each([3600, "3600"])(
    "as the provider answered it, with the end that a life of %j seconds from now has",
    async (expires_in) => {
      const { world, storing } = store({ expires_in, refresh_token: "r" });
      const { connection } = await storing;
      expect(connection.expiresAt).toBe(world.deps.now() + 3600);
      expect((await readTokenOf(world.deps, ada, connection)).credential.tokenData).toMatchObject({
        expires_at: world.deps.now() + 3600,
      });
    },
  );

  test.each([[1_800_003_600.9], ["1800003600"]])(
    "with the expiry %j, which is answered in whole seconds",
    async (expires_at) => {
      const { world, storing } = store({ expires_at });
      const { connection } = await storing;
      const { credential } = await readTokenOf(world.deps, ada, connection);
      expect(credential).toMatchObject({ expiresAt: 1_800_003_600, tokenData: { expires_at: 1_800_003_600 } });
    },
  );

  test.each([
    [{ email: "a@example.com" }, "a@example.com"],
    [{ base_url: "https://coroot.example.com/", email: "a@example.com" }, "coroot.example.com/a@example.com"],
    [{ base_url: "https://grafana.example.com:8443" }, "grafana.example.com:8443"],
    [{}, ""],
  ])("for the account of %j", async (data, account) => {
    expect((await store(data).storing).connection.account).toBe(account);
  });

  test.each(["chat:write,channels:read", "chat:write channels:read"])("with the scopes of %j", async (scope) => {
    expect((await store({ scope }).storing).connection.scopes).toEqual(["chat:write", "channels:read"]);
  });

  test("as a new credential of the connection that was there", async () => {
    const { world, storing } = store({ email: "a@example.com" });
    const { connection } = await storing;
    const given = { provider: "rotating", tokenData: { access_token: "b", email: "a@example.com" } };
    const again = await storeTokenData(world.deps, ada, {
      ...given,
      choice: { account: null, shared: null },
      subscriptionName: null,
      subscriptionId: null,
    });
    expect(again).toMatchObject({ replaced: true, connection: { id: connection.id, version: 2 } });
    expect(world.actions()).toEqual(["connection.created", "connection.updated"]);
  });
});
