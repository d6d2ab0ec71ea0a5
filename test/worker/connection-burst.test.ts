import { expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../src/domain/limits.ts";
import { connectGrafana, newPerson, readAudit, requireStatus } from "../support/worker-client.ts";

test("many connections in a minute are said before the limit ends them, with the limits and thresholds as they come", async () => {
  const thief = await newPerson();
  for (let call = 0; call < DEFAULT_LIMITS.connect.limit; call++) {
    const { id } = (await connectGrafana(thief)).body;
    // The same account again would be the same connection.
    requireStatus(await thief.call("DELETE", `/api/v1/connections/${id}`), 204);
  }
  expect(await readAudit(thief, "limit.exceeded")).toEqual([]);
  expect(await readAudit(thief, "usage.abnormal")).toMatchObject([
    { resource: { type: "user", id: thief.id }, detail: { kind: "connection_burst" } },
  ]);
});
