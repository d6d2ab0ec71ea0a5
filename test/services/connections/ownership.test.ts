import { describe, expect, test } from "vitest";
import { requireId } from "../../../src/domain/ids.ts";
import { disconnect } from "../../../src/services/connections/disconnect.ts";
import { updateConnection } from "../../../src/services/connections/update-connection.ts";
import type { Caller } from "../../../src/services/record-deed.ts";
import { createServiceWorld, key, person } from "../../support/service-world.ts";

const owner = person("a");

/** Everybody who is not the owner, and what a private and a shared connection are to them. */
const OTHERS: readonly (readonly [who: string, caller: Caller, ofPrivate: string, ofShared: string])[] = [
  ["a colleague", person("b"), "not_found", "forbidden"],
  ["a viewer", person("c", "viewer"), "not_found", "forbidden"],
  ["a key", key("d"), "not_found", "forbidden"],
  ["a key for a colleague", key("d", person("b")), "not_found", "forbidden"],
  ["an admin", person("e", "admin"), "not_found", "may"],
  ["an admin of another workspace", person("e", "admin", "2"), "not_found", "not_found"],
  ["the same id in another workspace", person("a", "admin", "2"), "not_found", "not_found"],
];

async function createWorldWith(shared: boolean) {
  const world = createServiceWorld();
  const connection = await world.connect(owner, { shared });
  return { world, connection };
}

describe("a private connection", () => {
  test.each(OTHERS)("is not there for %s", async (_, caller, ofPrivate) => {
    const { world, connection } = await createWorldWith(false);
    await expect(disconnect(world.deps, caller, connection.id)).rejects.toMatchObject({ code: ofPrivate });
    const updating = updateConnection(world.deps, caller, connection.id, { shared: true });
    await expect(updating).rejects.toMatchObject({ code: ofPrivate });
    expect(world.deps.connections.rows.get(connection.id)).toMatchObject({ isActive: true, shared: false });
    expect(world.deps.secrets.paths()).toHaveLength(1);
  });
});

describe("a shared connection", () => {
  test.each(OTHERS.filter(([, , , ofShared]) => ofShared !== "may"))(
    "cannot be changed by %s",
    async (...[, caller, , code]) => {
      const { world, connection } = await createWorldWith(true);
      await expect(disconnect(world.deps, caller, connection.id)).rejects.toMatchObject({ code });
      await expect(updateConnection(world.deps, caller, connection.id, { label: "x" })).rejects.toMatchObject({ code });
      expect(world.deps.connections.rows.get(connection.id)).toMatchObject({ isActive: true, label: null });
    },
  );

  test.each([
    ["its owner", owner],
    ["an admin", person("e", "admin")],
    ["a key for its owner", key("d", owner)],
  ])("can be changed and ended by %s", async (_, caller) => {
    const { world, connection } = await createWorldWith(true);
    const changed = await updateConnection(world.deps, caller, connection.id, { label: "ours" });
    expect(changed).toMatchObject({ label: "ours", shared: true, ownerId: owner.principal.id });
    expect(await disconnect(world.deps, caller, connection.id)).toBe("erased");
    expect(world.deps.secrets.paths()).toEqual([]);
  });
});

test("a change is recorded by what was changed, without the label, which may name anybody", async () => {
  const { world, connection } = await createWorldWith(false);
  await updateConnection(world.deps, owner, connection.id, { shared: true, label: "ada@example.com" });
  const { action, detail } = world.deps.audit.entries.at(-1) ?? {};
  expect({ action, detail }).toEqual({
    action: "connection.updated",
    detail: { changed: ["shared", "label"], shared: true },
  });
});

describe("a disconnect", () => {
  test("asked for again by its owner is erased, by anybody else not found", async () => {
    const { world, connection } = await createWorldWith(true);
    await disconnect(world.deps, owner, connection.id);
    expect(await disconnect(world.deps, owner, connection.id)).toBe("erased");
    for (const [, caller] of OTHERS) {
      await expect(disconnect(world.deps, caller, connection.id)).rejects.toMatchObject({ code: "not_found" });
    }
    expect(world.server.revocations).toHaveLength(1);
  });

  test("of an id that never was is not found", async () => {
    const { world } = await createWorldWith(false);
    const unknown = requireId("con", `con_${"f".repeat(32)}`);
    await expect(disconnect(world.deps, owner, unknown)).rejects.toMatchObject({ code: "not_found" });
  });

  test("while the store is away is pending, and the connection unreadable", async () => {
    const { world, connection } = await createWorldWith(false);
    world.deps.secrets.setDown(true);
    expect(await disconnect(world.deps, owner, connection.id)).toBe("pending");
    const { id: userId, workspaceId } = owner.principal;
    expect(await world.deps.connections.find({ userId, workspaceId }, connection.id)).toBeNull();
    expect(world.deps.credentialCache.copies.size).toBe(0);
  });
});
