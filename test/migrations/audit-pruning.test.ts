import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OTHER_WORKSPACE, SELF, STRANGER, WORKSPACE } from "./access-matrix.ts";
import { type MigratedDatabase, runAs, TARGETS } from "./database-targets.ts";

const OWN = { user: SELF, workspace: WORKSPACE } as const;
const STRANGERS = { user: STRANGER, workspace: OTHER_WORKSPACE } as const;
const HASH = "0".repeat(64);

describe.each(TARGETS)("old audit events on $name", (target) => {
  let database: MigratedDatabase;
  const tamper = (text: string) => runAs(database.owner, null, text);
  const put = (seq: number, days: number, workspace = WORKSPACE) =>
    tamper(`insert into audit_events (workspace_id, seq, at, action, outcome, hash, event)
      values ('${workspace}', ${seq}, now() - interval '${days} days', 'user.login', 'ok', '${HASH}', '{}')`);
  const prune = (seq: number, limit = 10, context: typeof OWN | typeof STRANGERS | null = OWN) =>
    runAs(database.app, context, "select prune_audit_events($1, $2) as n", [String(seq), String(limit)]).then(
      ([row]) => row?.["n"],
    );
  const left = () =>
    tamper(`select seq::int from audit_events where workspace_id = '${WORKSPACE}' order by seq`).then((rows) =>
      rows.map((row) => row["seq"]),
    );
  beforeAll(async () => {
    database = await target.start();
    for (const [seq, days] of [
      [1, 400],
      [2, 300],
      [3, 30],
      [4, 28],
      [5, 0],
    ] as const) {
      await put(seq, days);
    }
  });

  afterAll(() => database?.stop());

  test("are deleted only up to a checkpoint, in their own workspace, some at a time", async () => {
    expect(await prune(3)).toBe(0);
    await tamper(`insert into audit_checkpoints (workspace_id, seq, hash, at, key_id, signature)
      values ('${WORKSPACE}', 3, '${HASH}', now(), '${"k".repeat(43)}', '${"s".repeat(86)}')`);
    expect([await prune(3, 10, STRANGERS), await prune(3, 10, null), await prune(2), await prune(5)]).toEqual([
      0, 0, 0, 0,
    ]);
    expect(await left()).toEqual([1, 2, 3, 4, 5]);
    expect([await prune(3, 2), await left()]).toEqual([2, [3, 4, 5]]);
    expect([await prune(3), await prune(3)]).toEqual([1, 0]);
  });

  test("of the last 29 days stay, whoever asks", async () => {
    await tamper(`insert into audit_checkpoints (workspace_id, seq, hash, at, key_id, signature)
      values ('${WORKSPACE}', 5, '${HASH}', now(), '${"k".repeat(43)}', '${"s".repeat(86)}')`);
    expect([await prune(5), await left()]).toEqual([0, [4, 5]]);
  });

  test("name their chains, page by page", async () => {
    await put(1, 400, OTHER_WORKSPACE);
    await put(1, 400, "wsp_unauthenticated");
    const chains = (days: number, after: string, limit: number) =>
      runAs(database.app, null, `select workspace_id from list_audit_chains(now() - interval '${days} days', $1, $2)`, [
        after,
        String(limit),
      ]).then((rows) => rows.map((row) => row["workspace_id"]));
    expect(await chains(365, "", 10)).toEqual([OTHER_WORKSPACE, "wsp_unauthenticated"]);
    expect(await chains(7, "", 2)).toEqual([WORKSPACE, OTHER_WORKSPACE]);
    expect(await chains(7, OTHER_WORKSPACE, 2)).toEqual(["wsp_unauthenticated"]);
    expect(await chains(7, "wsp_unauthenticated", 2)).toEqual([]);
    expect(await chains(500, "", 10)).toEqual([]);
  });
});
