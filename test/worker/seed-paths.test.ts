import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { endpoints } from "../support/worker-endpoints.ts";

/** The generated type of `exports` does not exist here: nothing generates it. */
const { default: worker } = exports as unknown as { default: Fetcher };
const ORIGIN = "http://127.0.0.1:8787";

interface Person {
  readonly workspace: string;
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    // biome-ignore lint/suspicious/noExplicitAny: tests read whatever was answered.
  ) => Promise<{ status: number; body: any; headers: Headers }>;
}

/** A new person with a workspace, and an address of their own, so that no limit is shared. */
async function register(): Promise<Person> {
  const id = crypto.randomUUID();
  const address = `198.51.100.${(Number.parseInt(id.slice(0, 2), 16) % 200) + 50}`;
  const send = async (method: string, path: string, body: unknown, headers: Record<string, string>) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const json = { "cf-connecting-ip": address, "content-type": "application/json" };
    const response = await worker.fetch(
      new Request(`${ORIGIN}${path}`, { method, headers: { ...json, ...headers }, ...init }),
    );
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
  const login = { email: `${id}@example.com`, password: "correct horse battery" };
  expect((await send("POST", "/api/auth/register", login, {})).status).toBe(201);
  const { access_token, workspace_id } = (await send("POST", "/api/auth/login", login, {})).body;
  return {
    workspace: workspace_id,
    call: (method, path, body) => send(method, path, body, { authorization: `Bearer ${access_token}` }),
  };
}

let credentials: Record<string, Record<string, string>>;
beforeAll(async () => {
  const answer = await fetch(`${endpoints.sandbox}/_credentials`);
  credentials = await answer.json();
});

/** The seed's spelling of a provider's credentials. */
const SEED_BODIES: Readonly<Record<string, (given: Record<string, string>) => Record<string, unknown>>> = {
  coroot: ({ base_url, email, password }) => ({ url: base_url, email, password }),
  datadog: ({ api_key, app_key }) => ({ apiKey: api_key, appKey: app_key, site: "us1", serviceAccountName: "bot" }),
  grafana: ({ base_url, service_account_token }) => ({ url: base_url, apiToken: service_account_token }),
  netdata: ({ api_token }) => ({ token: api_token, spaceName: "Home" }),
  splunk: ({ base_url, api_token }) => ({ baseUrl: base_url, apiToken: api_token }),
  thousandeyes: ({ api_token }) => ({ api_token }),
};
const ANSWERS: Readonly<Record<string, object>> = {
  coroot: { url: "https://coroot.demo.example", projects: [{ name: "sandbox" }] },
  datadog: { site: "datadoghq.com", baseUrl: "https://api.datadoghq.com", serviceAccountName: "bot" },
  grafana: { baseUrl: "https://demo.grafana.net", org: "Sandbox Org" },
  netdata: { baseUrl: "https://app.netdata.cloud", spaceName: "Home" },
  splunk: { baseUrl: "https://splunk.demo.example:8089", username: "admin", server: { version: "9.4.0" } },
  thousandeyes: { account_groups: [{ aid: "1234" }, { aid: "5678" }] },
};

describe.each(Object.entries(SEED_BODIES))("the seed's paths of %s", (id, toSeed) => {
  test("connect, say that it is connected, disconnect, and again", async () => {
    const person = await register();
    expect(await person.call("GET", `/${id}/status`)).toMatchObject({ status: 200, body: { connected: false } });
    const connected = await person.call("POST", `/${id}/connect`, toSeed(credentials[id] ?? {}));
    expect(connected).toMatchObject({ status: 200, body: { success: true, ...ANSWERS[id] } });
    const { serviceAccountName, spaceName, ...kept } = { serviceAccountName: null, spaceName: null, ...ANSWERS[id] };
    const status = await person.call("GET", `/${id}/status`);
    expect(status).toMatchObject({ status: 200, body: { connected: true, status: "active", ...kept } });
    const token = await person.call("GET", `/api/v1/tokens?provider=${id}`);
    expect(token.status).toBe(200);
    const secrets = Object.entries(token.body.token_data).flatMap(([name, value]) =>
      /key|token|secret|cookie/.test(name) ? [String(value)] : [],
    );
    expect(secrets).not.toEqual([]);
    expect(secrets.filter((secret) => JSON.stringify([connected.body, status.body]).includes(secret))).toEqual([]);
    expect(JSON.stringify(token.body)).not.toContain(credentials[id]?.["password"] ?? "nothing of the kind");
    for (const _again of [1, 2]) {
      const ended = await person.call("DELETE", `/${id}/disconnect`);
      expect(ended).toMatchObject({ status: 200, body: { success: true, message: expect.any(String) } });
    }
    expect((await person.call("GET", `/${id}/status`)).body).toEqual({ connected: false });
    expect((await person.call("GET", `/api/v1/tokens?provider=${id}`)).status).toBe(404);
  });

  test("wrong credentials store nothing, and a wrong shape is said to be one", async () => {
    const person = await register();
    const body = toSeed(credentials[id] ?? {});
    const [secret] = Object.keys(body).filter((name) => /token|password|appKey/i.test(name));
    const wrong = await person.call("POST", `/${id}/connect`, { ...body, [secret ?? ""]: "wrong" });
    expect(wrong).toMatchObject({ status: 502, body: { code: "provider_rejected" } });
    const shapeless = await person.call("POST", `/${id}/connect`, {});
    expect(shapeless).toMatchObject({ status: 400, body: { code: "invalid_request", details: expect.any(Array) } });
    expect((await person.call("GET", "/api/v1/connections")).body.connections).toEqual([]);
  });
});

test("a coroot session is renewed by logging in again", async () => {
  const person = await register();
  const made = await person.call("POST", "/api/v1/providers/coroot/connect", credentials["coroot"]);
  const before = await person.call("GET", `/api/v1/connections/${made.body.id}/token`);
  const after = await person.call("POST", `/api/v1/connections/${made.body.id}/refresh`, { force: true });
  expect(after).toMatchObject({ status: 200, body: { refreshed: true } });
  expect(after.body.token_data.session_cookie).not.toBe(before.body.token_data.session_cookie);
  expect(Object.keys(after.body.token_data).sort()).toEqual(["base_url", "expires_at", "session_cookie"]);
});

test("a service account's key is a Google Cloud connection that renews itself, and sets nothing up", async () => {
  const person = await register();
  const keys = await fetch(`${endpoints.sandbox}/_credentials?keys`);
  const { gcp } = (await keys.json()) as Record<string, Record<string, string>>;
  const made = await person.call("POST", "/api/v1/providers/gcp/connect", gcp);
  expect(made).toMatchObject({ status: 201, body: { account: "aurora@sandbox-web.iam.gserviceaccount.com" } });
  expect(await person.call("GET", `/gcp/setup/status/${made.body.id}`)).toMatchObject({
    status: 200,
    body: { state: "NOT_STARTED", status: "not_started", step: 0, total_steps: 7, progress: 0, complete: false },
  });
  const { body: seen } = await person.call("GET", `/api/v1/connections/${made.body.id}`);
  expect([made.body, seen].filter((connection) => "setup" in connection)).toEqual([]);
  const selection = { selected_project_ids: ["sandbox-web"], connection_id: made.body.id };
  expect((await person.call("POST", "/gcp/post-auth-retry", selection)).status).toBe(409);
  const token = await person.call("POST", `/api/v1/connections/${made.body.id}/refresh`, { force: true });
  expect(token).toMatchObject({ status: 200, body: { refreshed: true, token_data: { token_type: "Bearer" } } });
  expect(JSON.stringify(token.body)).not.toContain("PRIVATE KEY");
  expect((await person.call("DELETE", `/api/v1/connections/${made.body.id}`)).status).toBe(204);
});

test("scaleway is connected at the path of its own", async () => {
  const person = await register();
  const { access_key, secret_key } = credentials["scaleway"] ?? {};
  const body = { accessKey: access_key, secretKey: secret_key };
  expect(await person.call("POST", "/scaleway_api/scaleway/connect", body)).toMatchObject({
    status: 200,
    body: { success: true, organizationId: expect.stringMatching(/^[0-9a-f-]{36}$/), projectsCount: 2 },
  });
  const wrong = await person.call("POST", "/scaleway_api/scaleway/connect", { ...body, accessKey: "AKIA" });
  expect(wrong).toMatchObject({ status: 400, body: { details: [{ path: "access_key" }] } });
});

describe("the seed's paths for AWS", () => {
  test("the template holds the workspace's external id and our account, as YAML and in JSON", async () => {
    const { call, workspace } = await register();
    const { externalId, auroraAccountId } = (await call("GET", `/workspaces/${workspace}/aws/links`)).body;
    expect(externalId).toMatch(/^[0-9a-f-]{36}$/);
    const yaml = await call("GET", `/workspaces/${workspace}/aws/cfn-template?roleType=Admin`);
    expect(yaml.headers.get("content-type")).toContain("yaml");
    expect(yaml.body).toContain(`Default: "${externalId}"`);
    expect(yaml.body).toContain("Default: Admin");
    const json = await call("GET", `/workspaces/${workspace}/aws/cfn-template?format=json`);
    expect(json.body).toEqual({ template: expect.stringContaining("Default: ReadOnly"), auroraAccountId, externalId });
  });

  test("the quick-create link names an AWS console and a template in S3, and nothing else", async () => {
    const { call, workspace } = await register();
    const path = `/workspaces/${workspace}/aws/cfn-quickcreate`;
    const templateUrl = "https://my.bucket.s3.eu-central-1.amazonaws.com/role.yaml";
    const made = await call("GET", `${path}?region=us-gov-west-1&templateUrl=${encodeURIComponent(templateUrl)}`);
    expect(made).toMatchObject({
      status: 200,
      body: { region: "us-gov-west-1", templateUrl, note: expect.any(String) },
    });
    expect(new URL(made.body.quickCreateUrl).host).toBe("us-gov-west-1.console.amazonaws-us-gov.com");
    expect(made.body.stackSetsCommand).toContain(made.body.externalId);
    expect((await call("GET", path)).body).toMatchObject({ region: "us-east-1", templateUrl: null });
  });

  test.each([
    "region=evil.example%23",
    "region=us-east-9",
    "roleType=Root",
    "templateUrl=http%3A%2F%2Fb.s3.amazonaws.com%2Fx",
    "templateUrl=https%3A%2F%2Fevil.example%2Fx.s3.amazonaws.com",
    "templateUrl=https%3A%2F%2Fs3.amazonaws.com.evil.example%2Fx",
    "templateUrl=https%3A%2F%2Fevils3.amazonaws.com%2Fx",
    "templateUrl=https%3A%2F%2Fu%3Ap%40b.s3.amazonaws.com%2Fx",
    "templateUrl=https%3A%2F%2F169.254.169.254%2Fx",
  ])("%s is refused", async (query) => {
    const { call, workspace } = await register();
    const answer = await call("GET", `/workspaces/${workspace}/aws/cfn-quickcreate?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_request" } });
  });

  test("a list of accounts is judged one by one", async () => {
    const { call, workspace } = await register();
    const good = credentials["aws"]?.["role_arn"] ?? "";
    const account = good.split(":")[4] ?? "";
    const path = `/workspaces/${workspace}/aws/accounts/bulk`;
    const accounts = [
      { accountId: account, roleArn: good, region: "eu-west-1" },
      { accountId: "999988887777", roleArn: good },
      { accountId: account, roleArn: "arn:aws:iam::222233334444:user/x" },
      { accountId: "222233334444", roleArn: "arn:aws:iam::222233334444:role/Denied" },
      { accountId: account, roleArn: good, region: "mars-east-1" },
    ];
    const { status, body } = await call("POST", path, { accounts });
    expect(status).toBe(200);
    expect(body).toMatchObject({ succeeded: 1, failed: 4 });
    expect(body.results.map(({ success }: { success: boolean }) => success)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(body.results[0]).toEqual({ accountId: account, success: true });
    for (const { error } of body.results.slice(1)) expect(error).toMatch(/^[a-zA-Z].*\.$/);
    expect((await call("GET", "/api/v1/connections?provider=aws")).body.connections).toHaveLength(1);
  });

  test.each([
    ["none", []],
    ["fifty-one", Array.from({ length: 51 }, () => ({ accountId: "1", roleArn: "x" }))],
    ["an external id of the client's", [{ accountId: "1", roleArn: "x", externalId: "mine" }]],
  ])("%s is no list of accounts", async (_what, accounts) => {
    const { call, workspace } = await register();
    expect((await call("POST", `/workspaces/${workspace}/aws/accounts/bulk`, { accounts })).status).toBe(400);
  });

  test("another's workspace is not there", async () => {
    const [one, other] = [await register(), await register()];
    for (const path of ["links", "cfn-template", "cfn-quickcreate"]) {
      expect((await one.call("GET", `/workspaces/${other.workspace}/aws/${path}`)).status).toBe(404);
    }
    const accounts = [{ accountId: "222233334444", roleArn: "arn:aws:iam::222233334444:role/x" }];
    const bulk = await one.call("POST", `/workspaces/${other.workspace}/aws/accounts/bulk`, { accounts });
    expect(bulk.status).toBe(404);
  });
});
