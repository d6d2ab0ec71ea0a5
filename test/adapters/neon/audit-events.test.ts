import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuditEvents } from "../../../src/adapters/neon/audit-events.ts";
import type { Database } from "../../../src/adapters/neon/database.ts";
import type { Statement } from "../../../src/adapters/neon/statement.ts";
import type { ChainedEvent } from "../../../src/domain/audit-chain.ts";
import { scopeOfChain } from "../../../src/domain/audit-scope.ts";
import { requireId } from "../../../src/domain/ids.ts";
import { type MigratedDatabase, startMigratedDatabase } from "../../support/migrated-database.ts";

const CHAIN = `wsp_${"1".repeat(32)}`;
const BATCH = 100;

let migrated: MigratedDatabase;
beforeAll(async () => {
  migrated = await startMigratedDatabase();
});
afterAll(() => migrated?.stop());

/** Events in order; the hashes are of the right form only. */
function createEvents(after: number, count: number): readonly ChainedEvent[] {
  const hashOf = (seq: number) => seq.toString(16).padStart(64, "0");
  return Array.from({ length: count }, (_, index) => {
    const seq = after + index + 1;
    const text = JSON.stringify({ seq, at: "2026-01-01T00:00:00.000Z", action: "user.login", outcome: "success" });
    return { seq, text, prevHash: hashOf(seq - 1), hash: hashOf(seq) };
  });
}

interface PlanNode {
  readonly Plans?: readonly PlanNode[];
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
}

/** Rows of the log that were looked at. */
function countRows(node: PlanNode): number {
  const own = (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)) * node["Actual Loops"];
  const below = (node.Plans ?? []).map(countRows).reduce((sum, rows) => sum + rows, 0);
  return below + (node["Relation Name"] === "audit_events" ? own : 0);
}

async function explain({ text, params }: Statement): Promise<PlanNode> {
  const analyze = { text: `explain (analyze, format json) ${text}`, params };
  const [rows] = await migrated.database.as(scopeOfChain(CHAIN), analyze);
  const [{ "QUERY PLAN": plans }] = rows as [{ readonly "QUERY PLAN": [{ readonly Plan: PlanNode }] }];
  return plans[0].Plan;
}

test("events of a key are also those it caused for somebody", async () => {
  const workspaceId = requireId("wsp", `wsp_${"2".repeat(32)}`);
  const { insert, list } = createAuditEvents(migrated.database);
  const actors = [{ id: "usr_1" }, { id: "usr_1", via: "key_1" }, { id: "key_1" }, { id: "usr_2", via: "key_2" }];
  const events = createEvents(0, actors.length).map((event, index) => {
    const text = JSON.stringify({ ...JSON.parse(event.text), actor: { type: "user", ...actors[index] } });
    return { ...event, text };
  });
  await insert(workspaceId, events);
  const scope = { userId: requireId("usr", `usr_${"1".repeat(32)}`), workspaceId };
  const numbersOf = async (actor: string) => {
    const found = await list(scope, { after: 0, limit: 10, action: null, actor });
    return found.map(({ seq }) => seq);
  };
  expect(await numbersOf("key_1")).toEqual([2, 3]);
  expect(await numbersOf("usr_1")).toEqual([1, 2]);
});

test("bringing a batch reads its own rows, not the chain, while no statistics are gathered", async () => {
  await createAuditEvents(migrated.database).insert(CHAIN, createEvents(0, 5000));
  const sent: Statement[] = [];
  const watched: Database = {
    ...migrated.database,
    as: (scope, ...statements) => {
      sent.push(...statements);
      return migrated.database.as(scope, ...statements);
    },
  };
  await createAuditEvents(watched).insert(CHAIN, createEvents(5000, BATCH));
  const plans: PlanNode[] = [];
  for (const statement of sent) plans.push(await explain(statement));
  expect(plans.map(countRows)).toEqual([0, BATCH]);
});
