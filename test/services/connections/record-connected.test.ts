import { expect, test } from "vitest";
import { storeTokenData } from "../../../src/services/connections/store-token-data.ts";
import { createServiceWorld, person } from "../../support/service-world.ts";

const ada = person("a");
const GIVEN = {
  provider: "rotating",
  tokenData: { access_token: "a", refresh_token: "r" },
  choice: { account: null, shared: null },
  subscriptionName: null,
  subscriptionId: null,
} as const;

const connected = ({ deps }: ReturnType<typeof createServiceWorld>) =>
  deps.audit.entries.map(({ action, resource, actor, detail }) => [action, resource?.id, actor.id, detail]);

test("a connection, and a new credential for it, are each recorded once", async () => {
  const world = createServiceWorld();
  const { connection } = await storeTokenData(world.deps, ada, GIVEN);
  await storeTokenData(world.deps, ada, GIVEN);
  expect(connected(world)).toEqual([
    ["connection.created", connection.id, ada.principal.id, {}],
    ["connection.updated", connection.id, ada.principal.id, { change: "credential" }],
  ]);
});

test("one that its keeper stores later is recorded as pending, and its caller told so", async () => {
  const world = createServiceWorld();
  world.deps.secrets.setDown(true);
  const message = expect.stringMatching(/^The account is kept/);
  await expect(storeTokenData(world.deps, ada, GIVEN)).rejects.toMatchObject({ code: "vault_unavailable", message });
  const [row] = world.deps.connections.rows.values();
  expect(connected(world)).toEqual([["connection.created", row?.id, ada.principal.id, { pending: true }]]);
});

test("one that nobody has is not recorded", async () => {
  const world = createServiceWorld();
  world.deps.connections.setDown(true);
  await expect(storeTokenData(world.deps, ada, GIVEN)).rejects.toMatchObject({ code: "database_unavailable" });
  expect(connected(world)).toEqual([]);
});
