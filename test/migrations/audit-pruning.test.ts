import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OTHER_WORKSPACE, SELF, STRANGER, WORKSPACE } from "./access-matrix.ts";
import { type MigratedDatabase, readSqlState, runAs, TARGETS } from "./database-targets.ts";

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

  test("are noted for the audit log, without names, whatever deletes them", async () => {
    const text = "select workspace_id, kind, count, ids from retention_ledger order by id";
    const line = { workspace_id: WORKSPACE, kind: "audit_events", ids: [] };
    expect(await tamper(text)).toEqual([
      { ...line, count: 2 },
      { ...line, count: 1 },
    ]);
    const forge = (kind: string, ids: string) =>
      readSqlState(
        tamper(`insert into retention_ledger (workspace_id, kind, count, ids, older_than)
          values ('${WORKSPACE}', '${kind}', 1, '${ids}', now())`),
      );
    expect([await forge("users", "{}"), await forge("audit_events", "{usr_1}")]).toEqual(["23514", "23514"]);
  });

  test("are planned by chain, never younger than 30 days, whatever is asked", async () => {
    await tamper(`delete from workspaces where id in ('${WORKSPACE}', '${OTHER_WORKSPACE}')`);
    await tamper(`insert into workspaces (id, name) values ('${WORKSPACE}', 'w'), ('${OTHER_WORKSPACE}', 'o')`);
    await put(1, 400, OTHER_WORKSPACE);
    await put(2, 31, OTHER_WORKSPACE);
    await put(3, 29, OTHER_WORKSPACE);
    await put(1, 400, "wsp_unauthenticated");
    const plan = (days: string) =>
      runAs(
        database.app,
        null,
        "select kind, workspace_id, count::int as count, oldest < older_than as is_over from plan_retention($1)",
        [days],
      );
    const line = (chain: string, count: number) => ({
      ...{ kind: "audit_events", workspace_id: chain },
      ...{ count, is_over: true },
    });
    expect(await plan("365")).toEqual([line(OTHER_WORKSPACE, 1), line("wsp_unauthenticated", 1)]);
    for (const days of ["30", "0", "-5"]) {
      expect(await plan(days)).toEqual([line(OTHER_WORKSPACE, 2), line("wsp_unauthenticated", 1)]);
    }
    expect(await plan("500")).toEqual([]);
  });

  test("are deleted by runs at once without one stopping early", async () => {
    await tamper(`insert into audit_events (workspace_id, seq, at, action, outcome, hash, event)
      select '${WORKSPACE}', n, now() - interval '400 days', 'user.login', 'ok', '${HASH}', '{}'
      from generate_series(101, 140) n`);
    await tamper(`insert into audit_checkpoints (workspace_id, seq, hash, at, key_id, signature)
      values ('${WORKSPACE}', 140, '${HASH}', now(), '${"k".repeat(43)}', '${"s".repeat(86)}')`);
    // Fewer than asked for means that none is left: that is when a chain counts as cleared.
    expect(await Promise.all([1, 2, 3, 4].map(() => prune(140)))).toEqual([10, 10, 10, 10]);
    expect(await prune(140)).toBe(0);
  });
});
