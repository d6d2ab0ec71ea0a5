import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import {
  connectGrafana,
  newColleague,
  newKey,
  newPerson,
  type Person,
  type Reply,
  readAudit,
  readCredentials,
  requireStatus,
  send,
} from "../support/worker-client.ts";
import { store, tokenOf } from "../support/worker-connections.ts";
import { type Fault, type Network, watchNetwork } from "../support/worker-network.ts";

const statusOf = async (reply: Promise<Reply>) => (await reply).status;
const idsOf = (reply: Reply): string[] => reply.body.connections.map(({ id }: { id: string }) => id);
const GRAFANA = "demo.grafana.net";

let network: Network;
beforeEach(() => {
  network = watchNetwork();
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe("an account is connected by its credential:", () => {
  let ada: Person;
  let credentials: Record<string, Record<string, string>>;
  beforeAll(async () => {
    ada = await newPerson();
    credentials = await readCredentials();
  });
  const connect = (provider: string, body: object) =>
    ada.call("POST", `/api/v1/providers/${provider}/connect`, { ...credentials[provider], ...body });

  test("Azure, by its service principal, whose secret stays inside", async () => {
    const { status, body, text } = await connect("azure", {});
    expect([status, body.provider, body.status, body.owner_id]).toEqual([201, "azure", "active", ada.id]);
    expect(text).not.toContain(credentials["azure"]?.["client_secret"]);
    expect(text).not.toMatch(/vault|secret/i);
    const token = await tokenOf(ada, body.id);
    expect(token.status).toBe(200);
    expect(token.body).toMatchObject({ connection_id: body.id, provider: "azure", refreshed: false, version: 1 });
    expect(Object.keys(token.body.token_data).sort()).toEqual(["access_token", "expires_at", "token_type"]);
    expect(token.text).not.toContain(credentials["azure"]?.["client_secret"]);
  });

  test("AWS, by a role that demands the workspace's external id", async () => {
    const { status, body } = await connect("aws", { region: "eu-west-1" });
    expect(status).toBe(201);
    const { token_data } = (await tokenOf(ada, body.id)).body;
    expect(token_data).toMatchObject({
      access_key_id: expect.stringMatching(/^ASIA/),
      session_token: expect.any(String),
    });
    expect(token_data.role_arn).toBe(credentials["aws"]?.["role_arn"]);
    const links = await ada.call("GET", `/workspaces/${ada.workspaceId}/aws/links`);
    expect(links.body).toMatchObject({ status: "fully_configured", roleArn: credentials["aws"]?.["role_arn"] });
    // The role is bound to that workspace's external id: another workspace gets nothing by naming it.
    const eve = await newPerson();
    const stolen = await eve.call("POST", "/api/v1/providers/aws/connect", credentials["aws"]);
    expect(stolen).toMatchObject({ status: 502, body: { code: "provider_rejected" } });
  });

  test("Grafana, by its key; again, it is the same connection with a new version", async () => {
    const first = await connect("grafana", {});
    const again = await connect("grafana", { account: first.body.account });
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body.id).toBe(first.body.id);
    expect((await tokenOf(ada, first.body.id)).body).toMatchObject({ version: 2 });
    const refreshed = await ada.call("POST", `/api/v1/connections/${first.body.id}/refresh`, { force: true });
    expect(refreshed).toMatchObject({ status: 200, body: { refreshed: false } });
  });

  test.each<[string, string, object, number, string]>([
    ["a provider nobody knows", "nowhere", {}, 404, "not_found"],
    ["a provider with a consent page", "gcp", { access_token: "x" }, 400, "invalid_request"],
    ["no credential", "azure", { tenant_id: undefined }, 400, "invalid_request"],
    ["a tenant that is a path", "azure", { tenant_id: "../common" }, 400, "invalid_request"],
    ["a field nobody knows", "grafana", { surprise: 1 }, 400, "invalid_request"],
    ["an external id of one's own", "aws", { external_id: crypto.randomUUID() }, 400, "invalid_request"],
    ["a role with a wildcard", "aws", { role_arn: "arn:aws:iam::222233334444:role/*" }, 400, "invalid_request"],
    ["an address inside", "grafana", { base_url: "https://169.254.169.254" }, 400, "invalid_request"],
    ["an address on this machine", "grafana", { base_url: "http://127.0.0.1:3000" }, 400, "invalid_request"],
    ["a share that is text", "grafana", { shared: "yes" }, 400, "invalid_request"],
    ["an account that is a number", "grafana", { account: 1 }, 400, "invalid_request"],
  ])("not with %s", async (_, provider, body, status, code) => {
    // A key of its own: only ten accounts a minute may be connected.
    const key = await newKey(ada, ["connections:write"]);
    const reply = await key.call("POST", `/api/v1/providers/${provider}/connect`, {
      ...credentials[provider],
      ...body,
    });
    expect(reply).toMatchObject({ status, body: { code } });
  });
});

describe("what a provider refuses or garbles is not stored:", () => {
  test.each<[string, Fault | null, string]>([
    ["a wrong key", null, "provider_rejected"],
    ["an error", 500, "provider_unavailable"],
    ["a page", "page", "provider_unavailable"],
    ["five megabytes", "flood", "provider_unavailable"],
    ["a dropped connection", "cut", "provider_unavailable"],
    ["too many calls", 429, "provider_unavailable"],
  ])("%s", async (_, fault, code) => {
    const ada = await newPerson();
    const { grafana } = await readCredentials();
    if (fault !== null) network.fail(GRAFANA, fault);
    const body = fault === null ? { ...grafana, service_account_token: "glsa_wrong" } : grafana;
    const reply = await ada.call("POST", "/api/v1/providers/grafana/connect", body);
    expect(reply).toMatchObject({ status: 502, body: { code } });
    expect(reply.text).not.toMatch(/injected|padding|html|glsa_/);
    expect(idsOf(await ada.call("GET", "/api/v1/connections"))).toEqual([]);
  });

  test("a provider that never answers, after ten seconds", { timeout: 60_000 }, async () => {
    const ada = await newPerson();
    const { grafana } = await readCredentials();
    network.fail(GRAFANA, "silence");
    const startedAt = Date.now();
    const reply = await ada.call("POST", "/api/v1/providers/grafana/connect", grafana);
    expect(reply).toMatchObject({ status: 502, body: { code: "provider_unavailable" } });
    expect(Date.now() - startedAt).toBeGreaterThan(9_000);
    expect(idsOf(await ada.call("GET", "/api/v1/connections"))).toEqual([]);
  });
});

describe("the list of connections", () => {
  test("is paged, narrowed by provider and status, and refuses other bounds", async () => {
    const ada = await newPerson();
    const made: string[] = [];
    for (const account of ["a", "b", "c", "d", "e"]) made.push((await store(ada, { account })).body.id);
    made.push((await connectGrafana(ada)).body.id);
    const seen: string[] = [];
    for (let path: string | null = "?limit=2"; path !== null; ) {
      const page: Reply = requireStatus(await ada.call("GET", `/api/v1/connections${path}`), 200);
      seen.push(...idsOf(page));
      path = page.body.next === null ? null : `?limit=2&after=${page.body.next}`;
    }
    expect(seen).toEqual(made);
    expect(idsOf(await ada.call("GET", "/api/v1/connections?provider=grafana"))).toEqual(made.slice(5));
    expect(idsOf(await ada.call("GET", "/api/v1/connections?status=degraded"))).toEqual([]);
    for (const query of ["limit=0", "limit=201", "limit=x", "limit=-1", "after=x", "status=dead"]) {
      expect(await statusOf(ada.call("GET", `/api/v1/connections?${query}`)), query).toBe(400);
    }
  });
});

describe("a private connection", () => {
  test("is absent for everyone but its owner: colleagues, admins, keys and other workspaces", async () => {
    const admin = await newPerson();
    const bob = await newColleague(admin, "operator");
    const key = await newKey(admin, ["connections:read", "connections:write", "tokens:read"]);
    const { id } = (await connectGrafana(bob)).body;
    for (const other of [admin, await newColleague(admin, "operator"), key, await newPerson()]) {
      expect(idsOf(await other.call("GET", "/api/v1/connections"))).toEqual([]);
      for (const [method, path, body] of [
        ["GET", "", undefined],
        ["GET", "/token", undefined],
        ["POST", "/refresh", {}],
        ["PATCH", "", { shared: true }],
        ["DELETE", "", undefined],
      ] as const) {
        const reply = await other.call(method, `/api/v1/connections/${id}${path}`, body);
        expect(reply, `${method} ${path}`).toMatchObject({ status: 404, body: { code: "not_found" } });
      }
      expect(await statusOf(other.call("GET", "/api/v1/tokens?provider=grafana"))).toBe(404);
    }
    expect(await statusOf(tokenOf(bob, id))).toBe(200);
  });
});

describe("a shared connection", () => {
  test("is read by the workspace, changed by its owner and admins, and absent elsewhere", async () => {
    const admin = await newPerson();
    const bob = await newColleague(admin, "operator");
    const [carol, stranger] = [await newColleague(admin, "operator"), await newPerson()];
    const { id } = (await connectGrafana(bob, { shared: true })).body;
    const path = `/api/v1/connections/${id}`;
    expect(await statusOf(tokenOf(carol, id))).toBe(200);
    expect((await carol.call("GET", "/api/v1/tokens?provider=grafana")).body.connection_id).toBe(id);
    expect(await statusOf(carol.call("PATCH", path, { label: "mine" }))).toBe(403);
    expect(await statusOf(carol.call("DELETE", path))).toBe(403);
    expect(await statusOf(tokenOf(stranger, id))).toBe(404);
    expect(await statusOf(stranger.call("DELETE", path))).toBe(404);
    expect((await admin.call("PATCH", path, { label: "ours" })).body).toMatchObject({
      label: "ours",
      owner_id: bob.id,
    });
    expect((await bob.call("PATCH", path, { label: null, shared: false })).body).toMatchObject({ shared: false });
    expect(await statusOf(tokenOf(carol, id))).toBe(404);
    expect(await statusOf(admin.call("PATCH", path, { label: "mine" }))).toBe(404);
    expect(await statusOf(bob.call("PATCH", path, { owner_id: carol.id }))).toBe(400);
  });

  test("passes to the admin who deactivates its owner; private ones end", async () => {
    const admin = await newPerson();
    const bob = await newColleague(admin, "operator");
    const shared = (await connectGrafana(bob, { shared: true })).body.id;
    const own = (await store(bob, {})).body.id;
    requireStatus(await admin.call("DELETE", `/api/v1/users/${bob.id}`), 204);
    expect((await admin.call("GET", `/api/v1/connections/${shared}`)).body).toMatchObject({ owner_id: admin.id });
    expect(await statusOf(tokenOf(admin, shared))).toBe(200);
    expect(await readAudit(admin, "connection.disconnected")).toContainEqual(
      expect.objectContaining({ resource: expect.objectContaining({ id: own }) }),
    );
  });
});

test("a deactivated person's shared connection goes beside one the admin has of the same account", async () => {
  const admin = await newPerson();
  const bob = await newColleague(admin, "operator");
  const [own, shared] = [(await connectGrafana(admin)).body.id, (await connectGrafana(bob, { shared: true })).body.id];
  expect(await statusOf(admin.call("DELETE", `/api/v1/users/${bob.id}`))).toBe(204);
  expect(await statusOf(bob.call("GET", "/api/auth/me"))).toBe(401);
  expect(await statusOf(tokenOf(admin, own))).toBe(200);
  expect((await admin.call("GET", `/api/v1/connections/${shared}`)).body).toMatchObject({ owner_id: admin.id });
});

describe("a disconnected connection", () => {
  test("is gone at once; again by its owner is as good, and connecting again makes another", async () => {
    const ada = await newPerson();
    const { id } = (await connectGrafana(ada)).body;
    expect(await statusOf(tokenOf(ada, id))).toBe(200);
    expect(await statusOf(ada.call("DELETE", `/api/v1/connections/${id}`))).toBe(204);
    for (const path of ["", "/token"]) {
      expect(await statusOf(ada.call("GET", `/api/v1/connections/${id}${path}`))).toBe(404);
    }
    expect(await statusOf(ada.call("DELETE", `/api/v1/connections/${id}`))).toBe(204);
    expect(await statusOf(ada.call("DELETE", `/api/v1/connections/con_${"0".repeat(32)}`))).toBe(404);
    const again = (await connectGrafana(ada)).body;
    expect(again.id).not.toBe(id);
    expect(await statusOf(tokenOf(ada, again.id))).toBe(200);
  });
});

describe("the providers", () => {
  test("are told to whoever is proven, with what each takes", async () => {
    const ada = await newPerson();
    const { providers } = requireStatus(await ada.call("GET", "/api/v1/providers"), 200).body;
    const ids = providers.map(({ id }: { id: string }) => id);
    expect(ids).toEqual(expect.arrayContaining(["aws", "azure", "demo", "gcp", "grafana"]));
    const azure = providers.find(({ id }: { id: string }) => id === "azure");
    expect(azure).toMatchObject({ kind: "service_principal", refreshable: true, configured: true });
    expect(azure.credentials_schema.required).toEqual(expect.arrayContaining(["tenant_id", "client_secret"]));
    expect(await statusOf(send("GET", "/api/v1/providers"))).toBe(401);
  });
});

test("the seed's path for Azure connects as ours does, by any of its names", async () => {
  const ada = await newPerson();
  const { azure } = await readCredentials();
  const { tenant_id: tenant, client_id: appId, client_secret: password } = azure ?? {};
  const reply = await ada.call("POST", "/azure/login", { tenant, appId, password });
  expect(reply).toMatchObject({ status: 200, body: { subscription_name: "Sandbox Production" } });
  const [listed] = (await ada.call("GET", "/api/v1/connections")).body.connections;
  expect([listed.provider, listed.account]).toEqual(["azure", reply.body.subscription_id]);
});

test("what happens to a connection is told in the audit, by id and provider only", async () => {
  const ada = await newPerson();
  const { id } = (await connectGrafana(ada)).body;
  await tokenOf(ada, id);
  await ada.call("PATCH", `/api/v1/connections/${id}`, { label: "x" });
  await ada.call("DELETE", `/api/v1/connections/${id}`);
  for (const action of ["created", "updated", "disconnected"]) {
    const [event] = await readAudit(ada, `connection.${action}`);
    expect(event?.["resource"]).toEqual({ type: "connection", id, provider: "grafana" });
  }
  await expect.poll(() => readAudit(ada, "token.read"), { timeout: 5000 }).toHaveLength(1);
  expect((await ada.call("GET", "/api/v1/audit/verify")).body).toMatchObject({ ok: true });
});
