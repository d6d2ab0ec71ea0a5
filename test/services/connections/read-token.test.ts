import { describe, expect, test } from "vitest";
import type { Connection } from "../../../src/domain/connection.ts";
import type { JsonObject } from "../../../src/domain/json.ts";
import { parseSecretRef } from "../../../src/domain/secret-ref.ts";
import { azure } from "../../../src/providers/azure.ts";
import { bitbucket } from "../../../src/providers/bitbucket.ts";
import { ovh } from "../../../src/providers/ovh.ts";
import type { Provider } from "../../../src/providers/provider.ts";
import { findReadable } from "../../../src/services/connections/find-readable.ts";
import { readHotToken } from "../../../src/services/connections/read-hot-token.ts";
import { readToken } from "../../../src/services/connections/read-token.ts";
import { readLastingToken, refreshToken } from "../../../src/services/connections/refresh-token.ts";
import { storeTokenData } from "../../../src/services/connections/store-token-data.ts";
import { createServiceWorld, key, person } from "../../support/service-world.ts";

const ada = person("a");
const GUID = "6b2e8da1-4f3c-4095-b7d6-1caf9e807b62";

async function createConnected() {
  const world = createServiceWorld();
  const connection = await world.connect(ada);
  await world.finishDeferred();
  world.deps.keepers.calls.length = 0;
  return { world, connection };
}

describe("reading a token", () => {
  test("answers the sealed copy without asking the store or the keeper", async () => {
    const { world, connection } = await createConnected();
    world.deps.secrets.setDown(true);
    const answer = await readToken(world.deps, ada, connection.id);
    expect(answer).toMatchObject({
      refreshed: false,
      credential: { version: 1, tokenData: { access_token: "access-1" } },
    });
    expect(world.deps.keepers.calls).toEqual([]);
  });

  test("shows nothing of the secret but what the provider exposes", async () => {
    const { world, connection } = await createConnected();
    const { credential } = await readToken(world.deps, ada, connection.id);
    expect(JSON.stringify(credential)).not.toContain("refresh-1");
  });

  test("never serves a planted copy: it is recorded, and the true one answered", async () => {
    const { world, connection } = await createConnected();
    world.deps.credentialCache.plant(connection.id, 1);
    const answer = await readToken(world.deps, ada, connection.id);
    expect(answer).toMatchObject({ credential: { tokenData: { access_token: "access-1" } } });
    expect(world.deps.audit.entries).toContainEqual(
      expect.objectContaining({ action: "cache.rejected", outcome: "failure", detail: { version: 1 } }),
    );
  });

  test("puts the true one in the place of a planted copy", async () => {
    const { world, connection } = await createConnected();
    world.deps.credentialCache.plant(connection.id, 1);
    await readToken(world.deps, ada, connection.id);
    await world.finishDeferred();
    world.deps.secrets.setDown(true);
    expect(await readToken(world.deps, ada, connection.id)).toMatchObject({ credential: { version: 1 } });
  });

  test("never takes the copy of an older version than the row names", async () => {
    const { world, connection } = await createConnected();
    await refreshToken(world.deps, ada, connection.id, true);
    const answer = await readToken(world.deps, ada, connection.id);
    expect(answer).toMatchObject({ credential: { version: 2, tokenData: { access_token: "access-2" } } });
  });

  test("of a row that is ahead of its copy answers what is stored, and copies nothing under a wrong version", async () => {
    const { world, connection } = await createConnected();
    const row = world.deps.connections.rows.get(connection.id);
    if (row !== undefined) world.deps.connections.rows.set(row.id, { ...row, version: 5 });
    const answer = await readToken(world.deps, ada, connection.id);
    await world.finishDeferred();
    expect(answer).toMatchObject({ credential: { version: 1 } });
    expect([...world.deps.credentialCache.copies.keys()]).toEqual([`${connection.id}:1`]);
  });

  test("that is due asks the keeper", async () => {
    const { world, connection } = await createConnected();
    await world.time.advance(3400);
    expect(await readToken(world.deps, ada, connection.id)).toMatchObject({
      refreshed: true,
      credential: { version: 2 },
    });
  });

  test("without a copy, while the store is away, asks the keeper, which may hold a newer one", async () => {
    const { world, connection } = await createConnected();
    await world.deps.credentialCache.purge(connection, 1);
    world.deps.secrets.setDown(true);
    await expect(readToken(world.deps, ada, connection.id)).rejects.toMatchObject({ code: "vault_unavailable" });
    expect(world.deps.keepers.calls).toEqual([`refresh ${connection.id}`]);
  });

  test("that is due, while the store is away, answers the old one until it expires", async () => {
    const { world, connection } = await createConnected();
    await world.time.advance(3400);
    world.deps.secrets.setDown(true);
    expect(await readToken(world.deps, ada, connection.id)).toMatchObject({
      refreshed: false,
      credential: { version: 1 },
    });
    await world.time.advance(200);
    await expect(readToken(world.deps, ada, connection.id)).rejects.toMatchObject({ code: "vault_unavailable" });
  });

  test("of a key is answered as it is, however old", async () => {
    const world = createServiceWorld();
    const connection = await world.connect(ada, {}, world.key);
    await world.time.advance(10 * 365 * 86_400);
    expect(await readToken(world.deps, ada, connection.id)).toMatchObject({
      credential: { tokenData: { access_token: "key-1" } },
    });
  });

  test("of a secret that is gone is refused", async () => {
    const { world, connection } = await createConnected();
    await world.deps.credentialCache.purge(connection, 1);
    await world.deps.secrets.erase(parseSecretRef(connection.secretRef, "aurora"));
    await expect(readToken(world.deps, ada, connection.id)).rejects.toMatchObject({ code: "reauth_required" });
  });

  test.each(["vault:kv/data/other/users/x", "vault:kv/data/aurora/users/../x", "vault:kv/data/aurora/users/%2e%2e"])(
    "of a row whose reference was edited to %s is refused as absent",
    async (secretRef) => {
      const { world, connection } = await createConnected();
      const row = world.deps.connections.rows.get(connection.id);
      if (row !== undefined)
        world.deps.connections.rows.set(row.id, { ...row, version: 9, secretRef: secretRef as never });
      await expect(readToken(world.deps, ada, connection.id)).rejects.toMatchObject({ code: "not_found" });
    },
  );

  test("of a dead connection is refused without asking anybody", async () => {
    const { world, connection } = await createConnected();
    world.server.revokeAll();
    await refreshToken(world.deps, ada, connection.id, true).catch(() => undefined);
    world.deps.keepers.calls.length = 0;
    await expect(readToken(world.deps, ada, connection.id)).rejects.toMatchObject({ code: "reauth_required" });
    await expect(refreshToken(world.deps, ada, connection.id, true)).rejects.toMatchObject({ code: "reauth_required" });
    expect(world.deps.keepers.calls).toEqual([]);
  });

  test("is refused as absent to anybody else, admins and other workspaces too, unless it is shared", async () => {
    const { world, connection } = await createConnected();
    for (const stranger of [person("b"), person("b", "admin"), person("a", "admin", "2"), key("c")]) {
      await expect(readToken(world.deps, stranger, connection.id)).rejects.toMatchObject({ code: "not_found" });
      await expect(refreshToken(world.deps, stranger, connection.id, true)).rejects.toMatchObject({
        code: "not_found",
      });
    }
    await world.connect(ada, { shared: true });
    expect(await readToken(world.deps, person("b", "viewer"), connection.id)).toMatchObject({
      credential: { version: 2 },
    });
    const foreigner = person("b", "admin", "2");
    await expect(readToken(world.deps, foreigner, connection.id)).rejects.toMatchObject({ code: "not_found" });
  });

  test("is counted for the caller", async () => {
    const { world, connection } = await createConnected();
    await readToken(world.deps, ada, connection.id);
    expect(world.deps.audit.entries.at(-1)).toMatchObject({
      action: "token.read",
      key: `token.read|${ada.principal.id}|${connection.id}`,
    });
  });
});

describe("a secret stored as it was given", () => {
  async function storeIn(provider: Provider, tokenData: JsonObject) {
    const minted: string[] = [];
    const send = async (request: Request) => {
      minted.push(request.url);
      return Response.json({ access_token: "minted", token_type: "Bearer", expires_in: 3600 });
    };
    const world = createServiceWorld({ providers: [provider], send });
    const given = { provider: provider.id, tokenData, subscriptionName: null, subscriptionId: null };
    const choice = { account: null, shared: null };
    const { connection } = await storeTokenData(world.deps, ada, { ...given, choice });
    const read = async () => {
      await world.time.advance(6);
      const answer = await readToken(world.deps, ada, connection.id);
      await world.finishDeferred();
      return answer.credential.tokenData;
    };
    return { world, connection, minted, read };
  }

  test.each<[string, Provider, JsonObject, JsonObject]>([
    ["an API token", bitbucket, { email: "a@b.example", api_token: "t" }, { email: "a@b.example", api_token: "t" }],
    ["a token that never ends", bitbucket, { access_token: "a" }, { access_token: "a" }],
    ["a token that never ends", ovh, { access_token: "a" }, { access_token: "a" }],
    ["a token of a client", ovh, { client_id: "i", client_secret: "s", access_token: "a" }, { access_token: "a" }],
  ])("that is %s is read as it is, from the copy and from the store", async (_, provider, given, seen) => {
    const { world, connection, minted, read } = await storeIn(provider, given);
    world.deps.keepers.calls.length = 0;
    expect(await read()).toEqual(seen);
    await world.deps.credentialCache.purge(connection, connection.version);
    expect(await read()).toEqual(seen);
    expect([minted, world.deps.keepers.calls]).toEqual([[], []]);
  });

  test.each<[string, Provider, JsonObject]>([
    ["the client of a service account", ovh, { endpoint: "ovh-ca", client_id: "i", client_secret: "s" }],
    ["a service principal", azure, { tenant_id: GUID, client_id: GUID, client_secret: "s" }],
  ])("that is %s without a token mints one at the first read, once", async (_, provider, given) => {
    const { minted, read } = await storeIn(provider, given);
    expect(await read()).toMatchObject({ access_token: "minted" });
    expect(await read()).toMatchObject({ access_token: "minted" });
    expect(JSON.stringify(await read())).not.toContain('"s"');
    expect(minted).toHaveLength(1);
  });
});

describe("this isolate's own memory", () => {
  test("answers the same caller for five seconds, and counts it", async () => {
    const { world, connection } = await createConnected();
    await readToken(world.deps, ada, connection.id);
    expect(await readHotToken(world.deps, ada, connection.id)).toMatchObject({ credential: { version: 1 } });
    expect(world.actions().filter((action) => action === "token.read")).toHaveLength(2);
    await world.time.advance(5);
    expect(await readHotToken(world.deps, ada, connection.id)).toBeNull();
  });

  test("answers nobody else, not even the same person by another credential", async () => {
    const { world, connection } = await createConnected();
    await readToken(world.deps, ada, connection.id);
    for (const other of [person("b"), key("c", ada)]) {
      expect(await readHotToken(world.deps, other, connection.id)).toBeNull();
    }
  });

  test("forgets at once what was refreshed or replaced here", async () => {
    const { world, connection } = await createConnected();
    await readToken(world.deps, ada, connection.id);
    await refreshToken(world.deps, ada, connection.id, true);
    expect(await readHotToken(world.deps, ada, connection.id)).toBeNull();
    await readToken(world.deps, ada, connection.id);
    await world.connect(ada);
    expect(await readHotToken(world.deps, ada, connection.id)).toBeNull();
  });

  test("forgets at once what the provider has ended, whoever was told so", async () => {
    const { world, connection } = await createConnected();
    await readToken(world.deps, ada, connection.id);
    world.server.revokeAll();
    await expect(refreshToken(world.deps, ada, connection.id, true)).rejects.toMatchObject({ code: "reauth_required" });
    expect(await readHotToken(world.deps, ada, connection.id)).toBeNull();
  });
});

describe("a token that is to last five minutes", () => {
  const read = (world: Awaited<ReturnType<typeof createConnected>>["world"], connection: Connection) =>
    readLastingToken(world.deps, ada, connection);

  test("is the one there is while it does", async () => {
    const { world, connection } = await createConnected();
    expect(await read(world, connection)).toMatchObject({ refreshed: false, credential: { version: 1 } });
    expect(world.deps.keepers.calls).toEqual([]);
  });

  test("is asked for each time when the provider gives less", async () => {
    const world = createServiceWorld();
    world.server.settings.expiresIn = 240;
    const connection = await world.connect(ada);
    expect(await readToken(world.deps, ada, connection.id)).toMatchObject({ refreshed: false });
    expect(await read(world, connection)).toMatchObject({ refreshed: true, credential: { version: 2 } });
  });

  test("is the one there is while the provider is away, and none once it has ended the grant", async () => {
    const world = createServiceWorld();
    world.server.settings.expiresIn = 240;
    const connection = await world.connect(ada);
    world.server.behaviours.push({ kind: "fail" });
    expect(await read(world, connection)).toMatchObject({ refreshed: false, credential: { version: 1 } });
    world.server.revokeAll();
    await expect(read(world, connection)).rejects.toMatchObject({ code: "reauth_required" });
  });

  test("is a key as it is", async () => {
    const world = createServiceWorld();
    const connection = await world.connect(ada, {}, world.key);
    expect(await read(world, connection)).toMatchObject({ refreshed: false });
  });
});

describe("which connection a token is read from", () => {
  const grace = person("b");

  test("is one's own before a shared one, the newest first", async () => {
    const world = createServiceWorld();
    const shared = await world.connect(grace, { shared: true, account: "shared" });
    expect((await findReadable(world.deps, ada, ["rotating"], null)).id).toBe(shared.id);
    const first = await world.connect(ada, { account: "first" });
    const second = await world.connect(ada, { account: "second" });
    await world.connect(grace, { shared: true, account: "newer" });
    expect((await findReadable(world.deps, ada, ["rotating"], null)).id).toBe(second.id);
    expect((await findReadable(world.deps, ada, ["rotating"], "first")).id).toBe(first.id);
  });

  test("is of the first provider that has a usable one", async () => {
    const world = createServiceWorld();
    const connection = await world.connect(ada, {}, world.key);
    expect((await findReadable(world.deps, ada, ["rotating", "key"], null)).id).toBe(connection.id);
  });

  test("passes over a dead one, and says so when there are only dead ones", async () => {
    const world = createServiceWorld();
    const dead = await world.connect(ada, { account: "dead" });
    world.server.revokeAll();
    await refreshToken(world.deps, ada, dead.id, true).catch(() => undefined);
    await expect(findReadable(world.deps, ada, ["rotating"], null)).rejects.toMatchObject({ code: "reauth_required" });
    const alive = await world.connect(grace, { shared: true, account: "alive" });
    expect((await findReadable(world.deps, ada, ["rotating"], null)).id).toBe(alive.id);
  });

  test("is never another's private one, nor one of another workspace", async () => {
    const world = createServiceWorld();
    await world.connect(grace, { account: "private" });
    await world.connect(person("d", "operator", "2"), { shared: true });
    for (const caller of [ada, person("a", "admin")]) {
      await expect(findReadable(world.deps, caller, ["rotating"], null)).rejects.toMatchObject({ code: "not_found" });
    }
  });
});

describe("the looks for a credential are counted", () => {
  const LOOKUPS = "aurora_credential_lookups_total";
  const look = async (world: Awaited<ReturnType<typeof createConnected>>["world"], id: string) =>
    (await readHotToken(world.deps, ada, id as never)) ?? (await readToken(world.deps, ada, id as never));

  test("by where one was found, from the nearest on", async () => {
    const { world, connection } = await createConnected();
    for (let read = 0; read < 3; read++) await look(world, connection.id);
    expect(world.deps.metrics.counted(LOOKUPS)).toEqual({ "isolate miss": 1, "kv hit": 1, "isolate hit": 2 });
  });

  test("with what is not there, and what is but does not belong there", async () => {
    const { world, connection } = await createConnected();
    world.deps.credentialCache.plant(connection.id, 1);
    await look(world, connection.id);
    expect(world.deps.metrics.counted(LOOKUPS)).toEqual({ "isolate miss": 1, "kv rejected": 1, "vault hit": 1 });
  });
});
