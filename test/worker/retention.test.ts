import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { KeeperRpc } from "../../src/adapters/keepers.ts";
import type { Bindings } from "../../src/bindings.ts";
import { runCron } from "../../src/cron.ts";
import { createDeps } from "../../src/deps.ts";
import type { ConnectionBinding } from "../../src/domain/connection.ts";
import {
  connectGrafana,
  newColleague,
  newKey,
  newPerson,
  type Person,
  readAudit,
  send,
} from "../support/worker-client.ts";
import { endpoints, queryAsOwner } from "../support/worker-endpoints.ts";
import { type Network, watchNetwork } from "../support/worker-network.ts";

const bindings = env as unknown as Bindings;
const DAILY = "17 3 * * *";

const runDaily = () => runCron(DAILY, createDeps(bindings, { waitUntil: () => {} }));
const keeperOf = (id: string) => bindings.CONNECTION_KEEPER.get(bindings.CONNECTION_KEEPER.idFromName(id));
/** Names of everything in an object's own storage; the runtime's own tables start with `_cf_`. */
const listStorage = (stub: DurableObjectStub) =>
  runInDurableObject(stub, async (_, { storage }) => ({
    tables: storage.sql.exec("select name from sqlite_master where name not like '\\_cf\\_%' escape '\\'").toArray(),
    alarm: await storage.getAlarm(),
  }));

async function readRow(id: string) {
  const [row] = await queryAsOwner("select secret_ref, is_active from user_tokens where id = $1", [id]);
  return row;
}

async function readVault(secretRef: string): Promise<number> {
  const { vault, vaultToken } = endpoints;
  const path = secretRef.replace("vault:kv/data/aurora/", "/v1/aurora/metadata/");
  return (await fetch(`${vault}${path}`, { headers: { "x-vault-token": vaultToken } })).status;
}

const copiesOf = async (id: string) => (await bindings.SECRET_CACHE.list({ prefix: `cred:${id}:` })).keys.length;

/** Connects, disconnects, and lets 31 days pass. */
async function endLongAgo(person: Person): Promise<string> {
  const { id } = (await connectGrafana(person)).body;
  expect((await person.call("DELETE", `/api/v1/connections/${id}`)).status).toBe(204);
  await queryAsOwner("update user_tokens set deleted_at = now() - interval '31 days' where id = $1", [id]);
  return id;
}

const purgesOf = async (person: Person, kind: string) => {
  const events = await readAudit(person, "retention.purged");
  return events.map(({ detail }) => detail as Record<string, unknown>).filter((detail) => detail["kind"] === kind);
};

let network: Network;
beforeEach(() => {
  network = watchNetwork();
});
afterEach(() => {
  vi.restoreAllMocks();
});

beforeAll(async () => {
  await send("GET", "/health/liveness");
});

describe("the daily cron", () => {
  test("purges a connection that was disconnected 31 days ago: secret, copies, object and row", async () => {
    const ada = await newPerson();
    const id = await endLongAgo(ada);
    const { secret_ref } = (await readRow(id)) ?? {};
    // What a disconnect has taken away may have been put back by a store that was restored.
    const { vault, vaultToken } = endpoints;
    const path = String(secret_ref).replace("vault:kv/data/aurora/", "/v1/aurora/data/");
    const body = JSON.stringify({ data: { value: "{}" } });
    await fetch(`${vault}${path}`, { method: "POST", headers: { "x-vault-token": vaultToken }, body });
    await bindings.SECRET_CACHE.put(`cred:${id}:v1`, "left");
    await bindings.SECRET_CACHE.put(`cred:${id}:v9`, "left");
    expect([await readVault(String(secret_ref)), await copiesOf(id)]).toEqual([200, 2]);

    await runDaily();
    expect(await readRow(id)).toBeUndefined();
    expect(await readVault(String(secret_ref))).toBe(404);
    expect(await copiesOf(id)).toBe(0);
    expect(await listStorage(keeperOf(id))).toEqual({ tables: [], alarm: null });
    expect(await purgesOf(ada, "connections")).toEqual([
      { kind: "connections", count: 1, older_than: expect.stringMatching(/^\d{4}-.*Z$/), ids: [id] },
    ]);
    expect((await ada.call("GET", "/api/v1/audit/verify")).body).toMatchObject({ ok: true });

    await runDaily();
    expect(await purgesOf(ada, "connections")).toHaveLength(1);

    // By a run that read the row before it went; the object is still in memory.
    const binding = { id, workspaceId: ada.workspaceId, ownerId: ada.id, provider: "grafana", secretRef: secret_ref };
    const keeper = keeperOf(id) as unknown as KeeperRpc;
    expect(await keeper.purge(binding as ConnectionBinding)).toEqual({ ok: true, value: "purged" });
    expect(await listStorage(keeperOf(id))).toEqual({ tables: [], alarm: null });
  });

  test("leaves alone what lives, and what was disconnected 29 days ago", async () => {
    const ada = await newPerson();
    const { id: live } = (await connectGrafana(ada)).body;
    const { id: ended } = (await connectGrafana(ada, { account: "other" })).body;
    await ada.call("DELETE", `/api/v1/connections/${ended}`);
    await queryAsOwner("update user_tokens set deleted_at = now() - interval '29 days' where id = $1", [ended]);
    await runDaily();
    expect(await readRow(live)).toMatchObject({ is_active: true });
    expect(await readRow(ended)).toMatchObject({ is_active: false });
    expect((await ada.call("GET", `/api/v1/connections/${live}/token`)).status).toBe(200);
    expect(await purgesOf(ada, "connections")).toEqual([]);
  });

  test("keeps a connection while Vault is away, and purges it the next time", async () => {
    const ada = await newPerson();
    const id = await endLongAgo(ada);
    network.fail("vault", 503);
    await runDaily();
    expect(await readRow(id)).toMatchObject({ is_active: false });
    expect(await purgesOf(ada, "connections")).toEqual([]);
    network.mend();
    await queryAsOwner("update user_tokens set sweep_leased_until = null where id = $1", [id]);
    await runDaily();
    expect(await readRow(id)).toBeUndefined();
    expect(await listStorage(keeperOf(id))).toEqual({ tables: [], alarm: null });
    expect(await purgesOf(ada, "connections")).toMatchObject([{ count: 1, ids: [id] }]);
  });

  test("purges somebody deactivated 31 days ago, whose email is free again, and not their key", async () => {
    const ada = await newPerson();
    const bob = await newColleague(ada, "admin");
    const key = await newKey(bob);
    expect((await ada.call("DELETE", `/api/v1/users/${bob.id}`)).status).toBe(204);
    await runDaily();
    expect((await ada.call("PATCH", `/api/v1/users/${bob.id}`, { name: "still there" })).status).toBe(200);
    await queryAsOwner("update users set deactivated_at = now() - interval '31 days' where id = $1", [bob.id]);
    await runDaily();
    expect((await ada.call("PATCH", `/api/v1/users/${bob.id}`, { name: "gone" })).status).toBe(404);
    expect(await purgesOf(ada, "users")).toMatchObject([{ count: 1, ids: [bob.id] }]);
    expect((await key.call("GET", "/api/auth/me")).status).toBe(200);
    const again = await ada.call("POST", "/api/v1/users", { email: bob.email, role: "viewer" });
    expect(again.status).toBe(201);
  });

  test("is no job by any other expression", async () => {
    await expect(runCron("0 0 * * *", createDeps(bindings, { waitUntil: () => {} }))).rejects.toThrow("no job");
  });
});

describe("an object that forgets itself", () => {
  test("leaves nothing of a handshake in its storage once it has expired", async () => {
    const ada = await newPerson();
    const { body } = await ada.call("POST", "/api/v1/providers/gcp/authorize", {});
    const ticket = String(body.login_url).split("/").at(-1);
    const name = ticket?.split(".")[0] ?? "";
    const stub = bindings.OAUTH_HANDSHAKE.get(bindings.OAUTH_HANDSHAKE.idFromName(name));
    expect((await listStorage(stub)).tables).toHaveLength(1);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await listStorage(stub)).toEqual({ tables: [], alarm: null });
  });

  test("makes no storage for a keeper, or a handshake, that never was", async () => {
    const stub = keeperOf(`con_${"0".repeat(32)}`);
    await runDurableObjectAlarm(stub);
    expect(await listStorage(stub)).toEqual({ tables: [], alarm: null });
  });
});
