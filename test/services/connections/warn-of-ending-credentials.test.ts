import { expect, test } from "vitest";
import { addSeconds, toRfc3339 } from "../../../src/domain/time.ts";
import { readToken } from "../../../src/services/connections/read-token.ts";
import { refreshToken } from "../../../src/services/connections/refresh-token.ts";
import { warnOfEndingCredentials } from "../../../src/services/connections/warn-of-ending-credentials.ts";
import { createServiceWorld, person } from "../../support/service-world.ts";

const DAY = 86_400;

/** A connection whose credential ends in so many days. */
async function createWorld(days: number) {
  const world = createServiceWorld();
  const connection = await world.connect(person("a"));
  const credentialExpiresAt = addSeconds(world.time.now(), days * DAY);
  const change = (fields: object) => {
    const row = world.deps.connections.rows.get(connection.id);
    if (row !== undefined) world.deps.connections.rows.set(connection.id, { ...row, ...fields });
  };
  change({ credentialExpiresAt });
  const warnings = () => world.deps.audit.entries.filter(({ detail }) => "warning" in detail);
  return { ...world, connection, change, credentialExpiresAt, warnings };
}

test("thirty days, seven and one before its end a credential is warned of in its workspace's log, each once", async () => {
  const { deps, time, connection, credentialExpiresAt, warnings } = await createWorld(31);
  for (let day = 0; day < 33; day += 1) {
    await warnOfEndingCredentials(deps);
    await warnOfEndingCredentials(deps);
    await time.advance(DAY);
  }
  expect(warnings().map(({ detail }) => detail["days"])).toEqual([30, 7, 1]);
  expect(warnings()[0]).toMatchObject({
    ...{ chain: connection.workspaceId, action: "connection.updated", outcome: "success", ip: null, requestId: null },
    actor: { type: "system", id: "cron" },
    resource: { type: "connection", id: connection.id, provider: connection.provider },
    detail: { warning: "client_secret_expiring", days: 30, expires_at: toRfc3339(credentialExpiresAt) },
  });
});

test("more than a page of them are all warned of", async () => {
  const world = createServiceWorld();
  for (let each = 0; each < 60; each += 1) {
    const { id } = await world.connect(person("a"), { account: `account-${each}` });
    const row = world.deps.connections.rows.get(id);
    const credentialExpiresAt = addSeconds(world.time.now(), DAY);
    if (row !== undefined) world.deps.connections.rows.set(id, { ...row, credentialExpiresAt });
  }
  await warnOfEndingCredentials(world.deps);
  expect(world.deps.audit.entries.filter(({ detail }) => "warning" in detail)).toHaveLength(60);
});

test("a dead connection says that its client secret expired, when it has", async () => {
  const { deps, connection, change } = await createWorld(-1);
  change({ status: "reauth_required" });
  const words = { code: "reauth_required", message: expect.stringMatching(/client secret expired on/) };
  await expect(readToken(deps, person("a"), connection.id)).rejects.toMatchObject(words);
  await expect(refreshToken(deps, person("a"), connection.id, true)).rejects.toMatchObject(words);
});

test("a dead connection whose secret still lives does not blame it", async () => {
  const { deps, connection, change } = await createWorld(3);
  change({ status: "reauth_required" });
  await expect(readToken(deps, person("a"), connection.id)).rejects.toMatchObject({
    message: expect.stringContaining("no longer accepts"),
  });
});
