import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import { runCron } from "../../src/cron.ts";
import { createDeps } from "../../src/deps.ts";
import { newPerson, readAudit, readCredentials, requireStatus } from "../support/worker-client.ts";
import { queryAsOwner } from "../support/worker-endpoints.ts";

const PRODUCTION = "5a1d7c90-3e2b-4f84-a6c5-0b9e8d7f6a51";
const STAGING = "6b2e8da1-4f3c-4095-b7d6-1caf9e807b62";
const SEEN = [
  { subscription_id: PRODUCTION, subscription_name: "Sandbox Production" },
  { subscription_id: STAGING, subscription_name: "Sandbox Staging" },
];
const DAY_MS = 86_400_000;

let principal: Record<string, string>;
beforeAll(async () => {
  principal = (await readCredentials())["azure"] ?? {};
});

const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().replace(/\.\d+Z$/, "Z");

const runDaily = () => runCron("17 3 * * *", createDeps(env as unknown as Bindings, { waitUntil: () => {} }));

describe("several subscriptions of one principal", () => {
  test("are several connections, picked by account, that are renewed and ended each by itself", async () => {
    const person = await newPerson();
    const connect = async (more: object) =>
      requireStatus(await person.call("POST", "/api/v1/providers/azure/connect", { ...principal, ...more }), 201).body;
    const [first, second] = [await connect({}), await connect({ subscription_id: STAGING })];
    expect([first.account, second.account]).toEqual([PRODUCTION, STAGING]);
    expect([first.metadata.subscriptions, second.metadata.subscriptions]).toEqual([SEEN, SEEN]);
    const read = (account: string) => person.call("GET", `/api/v1/tokens?provider=azure&account=${account}`);
    for (const { id, account } of [first, second]) {
      expect((await read(account)).body).toMatchObject({ connection_id: id, account, version: 1 });
    }
    const renew = (id: string) => person.call("POST", `/api/v1/connections/${id}/refresh`, { force: true });
    expect((await renew(first.id)).body).toMatchObject({ account: PRODUCTION, refreshed: true, version: 2 });
    expect((await read(STAGING)).body.version).toBe(1);

    expect((await person.call("DELETE", `/api/v1/connections/${first.id}`)).status).toBe(204);
    expect((await read(PRODUCTION)).status).toBe(404);
    expect((await renew(second.id)).body).toMatchObject({ account: STAGING, refreshed: true, version: 2 });
    expect((await read(STAGING)).status).toBe(200);
    expect((await person.call("GET", "/api/v1/tokens?provider=azure")).body.connection_id).toBe(second.id);
  });

  test.each([
    ["the seed's names", ["tenantId", "clientId", "clientSecret", "subscriptionId", "clientSecretExpiresAt"]],
    ["the names az gives", ["tenant", "appId", "password", "subscription_id", "client_secret_expires_at"]],
  ])("%s are taken at the seed's path, which says what else could be connected", async (_what, names) => {
    const person = await newPerson();
    const end = inDays(400);
    const { tenant_id, client_id, client_secret } = principal;
    const values = [tenant_id, client_id, client_secret, STAGING, end];
    const body = Object.fromEntries(names.map((name, index) => [name, values[index]]));
    expect(await person.call("POST", "/azure/login", { ...body, subscriptionName: "Mine" })).toMatchObject({
      status: 200,
      body: {
        message: expect.any(String),
        subscription_id: STAGING,
        subscription_name: "Sandbox Staging",
        subscriptions: SEEN,
        client_secret_expires_at: end,
      },
    });
  });

  test("what a form leaves empty counts as left out", async () => {
    const person = await newPerson();
    const body = {
      ...{ tenant: principal["tenant_id"], tenantId: "", appId: principal["client_id"], clientId: null },
      ...{ password: principal["client_secret"], subscriptionId: "", subscriptionName: null },
    };
    expect((await person.call("POST", "/azure/login", body)).status).toBe(200);
    expect((await person.call("POST", "/azure/login", { ...body, password: "" })).status).toBe(400);
  });

  test("what is missing or malformed is 400, a wrong secret 502", async () => {
    const person = await newPerson();
    const login = async (more: object) => (await person.call("POST", "/azure/login", { ...principal, ...more })).status;
    const names = { tenantId: principal["tenant_id"], clientId: principal["client_id"] };
    expect(await login({})).toBe(400);
    expect(await login({ ...names, clientSecret: principal["client_secret"], clientSecretExpiresAt: "soon" })).toBe(
      400,
    );
    expect(await login({ ...names, clientSecret: 7 })).toBe(400);
    expect(await login({ ...names, clientSecret: "wrong" })).toBe(502);
    expect((await person.call("GET", "/api/v1/connections")).body.connections).toEqual([]);
  });
});

describe("the end of a client secret", () => {
  test("is shown, warned of once for each of 30, 7 and 1 days, and forgotten with the secret", async () => {
    const person = await newPerson();
    const connect = (end: string | undefined) =>
      person.call("POST", "/api/v1/providers/azure/connect", { ...principal, client_secret_expires_at: end });
    const end = inDays(45);
    const made = requireStatus(await connect(end), 201).body;
    expect(made).toMatchObject({ credential_expires_at: end, warnings: [] });
    const token = await person.call("GET", `/api/v1/connections/${made.id}/token`);
    expect(Object.keys(token.body.token_data).sort()).toEqual(["access_token", "expires_at", "token_type"]);

    const warned = async () =>
      (await readAudit(person, "connection.updated")).filter(({ detail }) => "warning" in Object(detail));
    for (const [daysLeft, days] of [
      [29, 30],
      [6, 7],
      [1, 1],
    ] as const) {
      const expires_at = inDays(daysLeft - 0.5);
      await queryAsOwner("update user_tokens set credential_expires_at = $1 where id = $2", [expires_at, made.id]);
      await runDaily();
      await runDaily();
      expect((await warned()).at(-1)).toMatchObject({
        ...{ outcome: "success", actor: { type: "system", id: "cron" } },
        resource: { type: "connection", id: made.id, provider: "azure" },
        detail: { warning: "client_secret_expiring", days, expires_at },
      });
      const { body } = await person.call("GET", `/api/v1/connections/${made.id}`);
      const warning = { code: "client_secret_expiring", message: expect.any(String), expires_at, days_left: daysLeft };
      expect([body.credential_expires_at, body.warnings]).toEqual([expires_at, [warning]]);
    }
    expect(await warned()).toHaveLength(3);
    const { body: list } = await person.call("GET", "/api/v1/connections");
    expect(list.connections[0].warnings).toHaveLength(1);

    const again = requireStatus(await connect(undefined), 200).body;
    expect(again).toMatchObject({ id: made.id, credential_expires_at: null, warnings: [] });
  });

  test("survives a refresh, and is said once the provider refuses the secret because of it", async () => {
    const person = await newPerson();
    const token_data = { ...principal, client_secret: "an-old-one", client_secret_expires_at: "2026-01-31T00:00:00Z" };
    const stored = await person.call("POST", "/api/v1/tokens", { provider: "azure", token_data });
    const { id } = requireStatus(stored, 201).body;
    expect(stored.body).toMatchObject({
      credential_expires_at: "2026-01-31T00:00:00Z",
      warnings: [{ code: "client_secret_expired", days_left: 0 }],
    });
    const words = {
      status: 409,
      body: { code: "reauth_required", error: expect.stringContaining("expired on 2026-01-31") },
    };
    expect(await person.call("GET", `/api/v1/connections/${id}/token`)).toMatchObject(words);
    expect(await person.call("POST", `/api/v1/connections/${id}/refresh`, { force: true })).toMatchObject(words);
    expect(await person.call("GET", "/api/v1/tokens?provider=azure")).toMatchObject(words);
    await runDaily();
    const updates = await readAudit(person, "connection.updated");
    expect(updates.filter(({ detail }) => "warning" in Object(detail))).toEqual([]);
  });
});
