import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import { connectGrafana, newPerson, readAudit, send } from "../support/worker-client.ts";

const { AUDIT_LOG, CONNECTION_KEEPER } = env as unknown as Bindings;
const logOf = (workspaceId: string) => AUDIT_LOG.get(AUDIT_LOG.idFromName(workspaceId));
const keeperOf = (id: string) => CONNECTION_KEEPER.get(CONNECTION_KEEPER.idFromName(id));

const readRecord = (id: string) =>
  runInDurableObject(keeperOf(id), (_, { storage }) => {
    const row = storage.sql.exec<{ value: string }>("select value from record").one();
    return JSON.parse(row.value) as { readonly unrecorded?: readonly object[] };
  });

beforeAll(async () => {
  await send("GET", "/health/liveness");
});

test("what a keeper did while the log did not answer is told by its next life, and recorded once however often", async () => {
  const ada = await newPerson();
  const { id } = (await connectGrafana(ada)).body;
  // Own members of an object cannot be called from outside: whoever tries is refused, until the object is made anew.
  await runInDurableObject(logOf(ada.workspaceId), (log) => Object.assign(log, { append: null }));
  expect((await ada.call("DELETE", `/api/v1/connections/${id}`)).status).toBe(204);
  const before = await readRecord(id);
  expect(before.unrecorded).toMatchObject([{ entry: { action: "connection.disconnected", actor: { id: ada.id } } }]);

  await evictDurableObject(logOf(ada.workspaceId));
  await evictDurableObject(keeperOf(id));
  expect(await runDurableObjectAlarm(keeperOf(id))).toBe(true);
  expect(await readRecord(id)).toMatchObject({ unrecorded: [] });
  expect(await readAudit(ada, "connection.disconnected")).toHaveLength(1);

  // As if it had ended before it could note that the log has it.
  await runInDurableObject(keeperOf(id), async (_, { storage }) => {
    storage.sql.exec("update record set value = ?", JSON.stringify(before));
    await storage.setAlarm(Date.now() + 60_000);
  });
  await evictDurableObject(keeperOf(id));
  await runDurableObjectAlarm(keeperOf(id));
  expect(await readRecord(id)).toMatchObject({ unrecorded: [] });
  expect(await readAudit(ada, "connection.disconnected")).toHaveLength(1);
});
