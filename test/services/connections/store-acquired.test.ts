import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { bindingOf } from "../../../src/domain/connection.ts";
import { disconnect } from "../../../src/services/connections/disconnect.ts";
import { readToken } from "../../../src/services/connections/read-token.ts";
import { storeAcquired } from "../../../src/services/connections/store-acquired.ts";
import { createServiceWorld, key, person } from "../../support/service-world.ts";

const ada = person("a");
const PLAIN = `vault:kv/data/aurora/users/aurora-test-${ada.principal.id}-rotating-token`;
const suffixOf = (id: string) => createHash("sha256").update(id).digest("hex").slice(0, 16);

describe("the reference of a new connection", () => {
  test("is the plain name while nobody holds it", async () => {
    const world = createServiceWorld();
    const connection = await world.connect(ada);
    expect(connection.secretRef).toBe(PLAIN);
    expect(world.deps.secrets.paths()).toEqual([PLAIN.slice("vault:kv/data/".length)]);
  });

  test("gets a suffix of its own when a live connection holds the plain name", async () => {
    const world = createServiceWorld();
    await world.connect(ada, { account: "one" });
    const second = await world.connect(ada, { account: "two" });
    expect(second.secretRef).toBe(PLAIN.replace(/-token$/, `-${suffixOf(second.id)}-token`));
  });

  test("gets a suffix when a disconnected one held it, so that a late erase cannot hit it; the id is new too", async () => {
    const world = createServiceWorld();
    const first = await world.connect(ada);
    await disconnect(world.deps, ada, first.id);
    const again = await world.connect(ada);
    expect(again.id).not.toBe(first.id);
    expect(again.secretRef).not.toBe(first.secretRef);
    expect(await disconnect(world.deps, ada, first.id)).toBe("erased");
    expect(world.deps.secrets.paths()).toHaveLength(1);
    expect(again.version).toBe(1);
  });

  test("differs by owner, also between a user and a key", async () => {
    const world = createServiceWorld();
    const refs = [await world.connect(ada), await world.connect(person("b")), await world.connect(key("c"))];
    expect(new Set(refs.map(({ secretRef }) => secretRef)).size).toBe(3);
  });
});

describe("connecting the same account again", () => {
  test("replaces the credential: same id, next version, nothing shared or private by accident", async () => {
    const world = createServiceWorld();
    const first = await world.connect(ada, { shared: true });
    const again = await world.connect(ada);
    expect(again).toMatchObject({ id: first.id, version: 2, shared: true, status: "active" });
  });

  test("leaves another person's connection of that account alone", async () => {
    const world = createServiceWorld();
    const theirs = await world.connect(person("b"), { shared: true });
    const mine = await world.connect(ada);
    expect(mine.id).not.toBe(theirs.id);
    expect(mine.shared).toBe(false);
  });

  test("two at once make one connection", async () => {
    const world = createServiceWorld();
    const [one, other] = await Promise.all([world.connect(ada), world.connect(ada)]);
    expect(one.id).toBe(other.id);
    expect(world.deps.secrets.paths()).toHaveLength(1);
  });

  test("that was disconnected at the same moment is not revived", async () => {
    const world = createServiceWorld();
    const first = await world.connect(ada);
    const [, reconnected] = await Promise.allSettled([disconnect(world.deps, ada, first.id), world.connect(ada)]);
    const live = [...world.deps.connections.rows.values()].filter(({ isActive, version }) => isActive && version > 0);
    expect(live.map(({ id }) => id)).not.toContain(first.id);
    expect(reconnected).toMatchObject({ status: "fulfilled", value: { id: live[0]?.id } });
    expect(world.deps.secrets.paths()).toHaveLength(1);
  });

  test("that is disconnected before the credential is taken makes another connection", async () => {
    const world = createServiceWorld();
    const first = await world.connect(ada);
    const { reserve } = world.deps.connections;
    world.deps.connections.reserve = async (...given) => {
      world.deps.connections.reserve = reserve;
      const row = await reserve(...given);
      await disconnect(world.deps, ada, first.id);
      return row;
    };
    const again = await world.connect(ada);
    expect(again.id).not.toBe(first.id);
    expect(await readToken(world.deps, ada, again.id)).toMatchObject({
      credential: { tokenData: { access_token: "access-2" } },
    });
    expect(world.server.revocations).toEqual(["refresh-1"]);
  });

  test.each([
    ["that cannot be revoked makes another connection", true],
    ["that was revoked with it is refused", false],
  ])("that is disconnected right after the credential was stored: one %s", async (_, isKey) => {
    const world = createServiceWorld();
    const provider = isKey ? world.key : world.rotating;
    const first = await world.connect(ada, { account: "a" }, provider);
    const { find } = world.deps.connections;
    world.deps.connections.find = async (...given) => {
      world.deps.connections.find = find;
      await disconnect(world.deps, ada, first.id);
      return find(...given);
    };
    const again = world.connect(ada, { account: "a" }, provider);
    if (isKey) expect((await again).id).not.toBe(first.id);
    else await expect(again).rejects.toMatchObject({ code: "conflict" });
    expect(world.server.revocations).toEqual(isKey ? [] : ["refresh-2"]);
  });
});

test("a grant on its way to the secret store outlives the late end of a disconnected one of the same account", async () => {
  const world = createServiceWorld();
  const scope = { userId: ada.principal.id, workspaceId: ada.principal.workspaceId };
  const connect = async () => {
    const secret = world.server.consent(world.time.now());
    const acquired = { secret, account: "a@example.com", upstreamAccount: "client:a", scopes: [] };
    return storeAcquired(world.deps, scope, world.rotating, acquired, { account: null, shared: null });
  };
  const { connection: old } = await connect();
  world.deps.secrets.setDown(true);
  expect(await disconnect(world.deps, ada, old.id)).toBe("pending");
  await expect(connect()).rejects.toMatchObject({ code: "vault_unavailable" });
  world.deps.secrets.setDown(false);
  await world.deps.keepers.nudge(bindingOf(old));
  expect(world.deps.secrets.paths()).toEqual([]);
  expect(world.server.revocations).toEqual([]);
});

describe("a refusal", () => {
  test("of an account name that is too long leaves no row", async () => {
    const world = createServiceWorld();
    const connecting = world.connect(ada, { account: "x".repeat(201) });
    await expect(connecting).rejects.toMatchObject({ code: "invalid_request" });
    expect(world.deps.connections.rows.size).toBe(0);
  });

  test("of the secret store shows nobody a connection that has no secret yet", async () => {
    const world = createServiceWorld();
    world.deps.secrets.setDown(true);
    await expect(world.connect(ada)).rejects.toMatchObject({ code: "vault_unavailable" });
    const [row] = world.deps.connections.rows.values();
    expect(row).toMatchObject({ status: "connecting", version: 0 });
    const { id: userId, workspaceId } = ada.principal;
    const page = { provider: null, status: null, after: null, limit: 10 };
    expect((await world.deps.connections.list({ userId, workspaceId }, page)).items).toEqual([]);
  });

  test("of Postgres keeps nothing and spends nothing", async () => {
    const world = createServiceWorld();
    world.deps.connections.setDown(true);
    await expect(world.connect(ada)).rejects.toMatchObject({ code: "database_unavailable" });
    expect(world.deps.keepers.calls).toEqual([]);
    expect(world.deps.secrets.paths()).toEqual([]);
  });
});
