import { describe, expect, test } from "vitest";
import { requireOwnerId } from "../../../src/domain/ids.ts";
import { releaseConnections } from "../../../src/services/connections/release-connections.ts";
import { updateConnection } from "../../../src/services/connections/update-connection.ts";
import { createServiceWorld, person } from "../../support/service-world.ts";

const leaver = person("a");
const admin = person("e", "admin");
const from = requireOwnerId(leaver.principal.id);
const heir = requireOwnerId(admin.principal.id);

describe("the connections of somebody who is deactivated", () => {
  test("are ended when they were private, and passed to the heir when they were shared", async () => {
    const world = createServiceWorld();
    const own = await world.connect(leaver, { account: "own", shared: false });
    const shared = await world.connect(leaver, { account: "shared", shared: true });
    await releaseConnections(world.deps, admin, from, heir);
    expect(world.deps.connections.rows.get(own.id)).toMatchObject({ isActive: false });
    expect(world.deps.connections.rows.get(shared.id)).toMatchObject({ isActive: true, ownerId: admin.principal.id });
    expect(world.deps.secrets.paths()).toHaveLength(1);
  });

  test("are said to have passed to the heir, and whose deed it was", async () => {
    const world = createServiceWorld();
    const shared = await world.connect(leaver, { account: "shared", shared: true });
    await releaseConnections(world.deps, admin, from, heir);
    expect(world.deps.audit.entries.at(-1)).toMatchObject({
      action: "connection.updated",
      actor: { id: admin.principal.id },
      resource: { id: shared.id },
      detail: { change: "owner", owner: heir },
    });
  });

  test("are ended when somebody stops sharing them at the last moment", async () => {
    const world = createServiceWorld();
    const shared = await world.connect(leaver, { account: "shared", shared: true });
    const { listOwned } = world.deps.connections;
    world.deps.connections.listOwned = async (scope) => {
      const owned = await listOwned(scope);
      await updateConnection(world.deps, admin, shared.id, { shared: false });
      return owned;
    };
    expect(await releaseConnections(world.deps, admin, from, heir)).toBe(1);
    expect(world.deps.connections.rows.get(shared.id)).toMatchObject({ isActive: false });
    expect(world.deps.secrets.paths()).toEqual([]);
  });

  test("that wait for the secret store are ended as well, and do not come back with it", async () => {
    const world = createServiceWorld();
    world.deps.secrets.setDown(true);
    await expect(world.connect(leaver, { account: "late" })).rejects.toMatchObject({ code: "vault_unavailable" });
    await releaseConnections(world.deps, admin, from, heir);
    world.deps.secrets.setDown(false);
    expect([...world.deps.connections.rows.values()].filter(({ isActive }) => isActive)).toEqual([]);
  });

  test("of others are left alone", async () => {
    const world = createServiceWorld();
    const theirs = await world.connect(person("b"));
    await releaseConnections(world.deps, admin, from, heir);
    expect(world.deps.connections.rows.get(theirs.id)).toMatchObject({ isActive: true });
  });
});
