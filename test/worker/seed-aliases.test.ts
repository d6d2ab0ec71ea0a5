import { beforeAll, describe, expect, test } from "vitest";
import { seedRoutes } from "../../src/routes/seed.ts";
import { newPerson, readCredentials } from "../support/worker-client.ts";

/** Every path of the documents this product comes from. */
const SEED_PATHS = [
  ...["POST /gcp/login", "GET /gcp/callback", "GET /gcp/setup/status/:id", "POST /gcp/post-auth-retry"],
  ...["POST /azure/login", "POST /tailscale_api/tailscale/connect"],
  ...["POST /tailscale_api/tailscale/refresh-token", "POST /tailscale/refresh-token"],
  ...["POST /ovh_api/ovh/oauth2/initiate", "GET /ovh_api/ovh/oauth2/callback"],
  ...["GET /workspaces/:id/aws/links", "POST /workspaces/:id/aws/role", "POST /workspaces/:id/aws/accounts/bulk"],
  ...["GET /workspaces/:id/aws/cfn-template", "GET /workspaces/:id/aws/cfn-quickcreate"],
  ...["grafana", "datadog", "netdata", "splunk", "coroot", "thousandeyes"].flatMap((provider) => [
    ...[`POST /${provider}/connect`, `GET /${provider}/status`, `DELETE /${provider}/disconnect`],
  ]),
  "POST /scaleway_api/scaleway/connect",
  ...["POST /slack", "GET /slack/callback", "POST /bitbucket/login", "GET /bitbucket/callback"],
];

/** By provider and our field: every name it may have. */
const ALIASES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  coroot: { base_url: ["base_url", "url", "baseUrl"], email: ["email"], password: ["password"] },
  datadog: { api_key: ["api_key", "apiKey"], app_key: ["app_key", "appKey", "applicationKey"], site: ["site"] },
  grafana: {
    base_url: ["base_url", "baseUrl", "url"],
    service_account_token: ["service_account_token", "serviceAccountToken", "apiKey", "api_key", "apiToken", "token"],
  },
  netdata: { api_token: ["api_token", "apiToken", "token"], base_url: ["base_url", "baseUrl", "url", "spaceUrl"] },
  scaleway: { access_key: ["access_key", "accessKey"], secret_key: ["secret_key", "secretKey"] },
  splunk: { base_url: ["base_url", "baseUrl", "url"], api_token: ["api_token", "apiToken", "token"] },
  tailscale: {
    client_id: ["client_id", "clientId"],
    client_secret: ["client_secret", "clientSecret"],
    tailnet: ["tailnet"],
  },
  thousandeyes: { api_token: ["api_token", "apiToken", "token"] },
};
const PREFIXES: Readonly<Record<string, string>> = {
  scaleway: "/scaleway_api/scaleway",
  tailscale: "/tailscale_api/tailscale",
};

/** A minute lets nobody connect more often. */
const MAX_CONNECTS = 10;

let credentials: Record<string, Record<string, string>>;
beforeAll(async () => {
  credentials = await readCredentials();
});

test("the seed's paths are these and no other", () => {
  const paths = new Set(
    seedRoutes.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`),
  );
  expect([...paths].sort()).toEqual([...SEED_PATHS].sort());
});

describe.each(Object.entries(ALIASES))("%s", (id, names) => {
  const path = `${PREFIXES[id] ?? `/${id}`}/connect`;
  const body = (chosen: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.keys(names).map((field) => [chosen[field] ?? field, credentials[id]?.[field]]));

  test("takes every name a field has, one at a time", async () => {
    const person = await newPerson();
    const spellings = Object.entries(names).flatMap(([field, all]) => all.map((name) => ({ [field]: name })));
    expect(spellings.length).toBeLessThan(MAX_CONNECTS);
    for (const chosen of spellings) {
      expect([chosen, (await person.call("POST", path, body(chosen))).status]).toEqual([chosen, 200]);
    }
    // The same account each time: one connection, whatever the names.
    expect((await person.call("GET", `/api/v1/connections?provider=${id}`)).body.connections).toHaveLength(1);
  });

  test("a field that is no text is a wrong shape, and so is a body that is no object", async () => {
    const person = await newPerson();
    const [field = ""] = Object.keys(names);
    expect((await person.call("POST", path, { ...body({}), [field]: 7 })).status).toBe(400);
    expect((await person.call("POST", path, [])).status).toBe(400);
    expect((await person.call("POST", path, "x")).status).toBe(400);
  });
});

describe("the seed's optional fields", () => {
  test("Scaleway takes the organisation and the project by its names", async () => {
    const person = await newPerson();
    const { access_key: accessKey, secret_key: secretKey } = credentials["scaleway"] ?? {};
    const first = await person.call("POST", "/scaleway_api/scaleway/connect", { accessKey, secretKey });
    const { organizationId } = first.body;
    const connect = (more: object) =>
      person.call("POST", "/scaleway_api/scaleway/connect", { accessKey, secretKey, ...more });
    const all = await connect({ organizationId, projectId: "c4a7f3e8-1b60-4d29-8e5a-7d02b9f6c135" });
    expect(all).toMatchObject({ status: 200, body: { success: true, organizationId, projectsCount: 1 } });
    expect((await connect({ projectId: "elsewhere" })).status).toBe(400);
  });

  test.each(["account_group_id", "accountGroupId", "aid"])("ThousandEyes takes the group as %s", async (name) => {
    const person = await newPerson();
    const body = { api_token: credentials["thousandeyes"]?.["api_token"], [name]: "5678" };
    expect((await person.call("POST", "/thousandeyes/connect", body)).status).toBe(200);
    expect((await person.call("GET", "/thousandeyes/status")).body).toMatchObject({
      ...{ connected: true, account_group_id: "5678", account_groups: expect.any(Array) },
    });
  });

  test("Datadog says that both keys were proven", async () => {
    const person = await newPerson();
    const { api_key: apiKey, app_key: appKey } = credentials["datadog"] ?? {};
    expect((await person.call("POST", "/datadog/connect", { apiKey, appKey })).body).toMatchObject({ validated: true });
  });

  test.each([["ovh-eu"], ["ovh-us"], ["ovh-ca"]])(
    "OVHcloud begins in %s, with or without a project",
    async (endpoint) => {
      const person = await newPerson();
      for (const more of [{}, { projectId: "p1" }]) {
        const begun = await person.call("POST", "/ovh_api/ovh/oauth2/initiate", { endpoint, ...more });
        expect(begun).toMatchObject({ status: 200, body: { authorizationUrl: expect.stringContaining("/connect/") } });
      }
      expect((await person.call("POST", "/ovh_api/ovh/oauth2/initiate", {})).status).toBe(400);
    },
  );
});

describe("the role of a customer's AWS account", () => {
  test("is connected at the workspace's path, and seen in its links", async () => {
    const { call, workspaceId } = await newPerson();
    const path = `/workspaces/${workspaceId}/aws`;
    expect((await call("GET", `${path}/links`)).body).toEqual({
      ...{ workspaceId, externalId: expect.stringMatching(/^[0-9a-f-]{36}$/), status: "not_started" },
      auroraAccountId: "111122223333",
    });
    const roleArn = credentials["aws"]?.["role_arn"];
    expect(await call("POST", `${path}/role`, { roleArn, readOnlyRoleArn: `${roleArn}-ReadOnly` })).toMatchObject({
      ...{ status: 200, body: { ok: true } },
    });
    expect((await call("GET", `${path}/links`)).body).toMatchObject({ status: "fully_configured", roleArn });
    const token = (await call("GET", "/api/v1/tokens?provider=aws")).body.token_data;
    expect(token).toMatchObject({ role_arn: roleArn, access_key_id: expect.stringMatching(/^ASIA/) });
  });

  test.each([
    ["no role", {}, 400],
    ["a user for a role", { roleArn: "arn:aws:iam::222233334444:user/me" }, 400],
    ["an external id of the client's", { roleArn: "arn:aws:iam::222233334444:role/x", externalId: "mine" }, 400],
    ["a role that never opens", { roleArn: "arn:aws:iam::222233334444:role/Denied" }, 502],
    ["a role anybody could have us assume", { roleArn: "arn:aws:iam::222233334444:role/NoExternalId" }, 502],
  ])("%s is refused, and nothing is stored", async (_what, body, status) => {
    const { call, workspaceId } = await newPerson();
    expect((await call("POST", `/workspaces/${workspaceId}/aws/role`, body)).status).toBe(status);
    expect((await call("GET", "/api/v1/connections")).body.connections).toEqual([]);
  });
});
