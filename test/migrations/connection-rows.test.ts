import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { COLLEAGUE, OTHER_WORKSPACE, SEED, SELF, STRANGER, WORKSPACE } from "./access-matrix.ts";
import { type MigratedDatabase, makeId, readSqlState, runAs, TARGETS } from "./database-targets.ts";

const OWN = { user: SELF, workspace: WORKSPACE } as const;
const COLLEAGUES = { user: COLLEAGUE, workspace: WORKSPACE } as const;

describe.each(TARGETS)("rows of connections and audit on $name", (target) => {
  let database: MigratedDatabase;
  beforeAll(async () => {
    database = await target.start();
    await database.owner.query(SEED.map((text) => ({ text })));
  });
  beforeEach(() => database.owner.query([{ text: `update user_tokens set owner_id = '${SELF}', is_active = true` }]));
  afterAll(() => database?.stop());

  const asOwner = (text: string, params: readonly string[] = []) => runAs(database.app, OWN, text, params);
  const insert = (id: string, account: string, ref: string, owner = SELF) =>
    asOwner(
      `insert into user_tokens (id, workspace_id, owner_id, provider, account, secret_ref)
        values ($1, '${WORKSPACE}', $2, 'gcp', $3, $4) returning status`,
      [id, owner, account, ref],
    );

  test("a shared connection may be handed over to a colleague", async () => {
    const text = `update user_tokens set owner_id = '${COLLEAGUE}' where account = 'shared' returning id`;
    expect((await asOwner(text)).length).toBe(1);
  });

  test("a private connection cannot be handed over", async () => {
    const text = `update user_tokens set owner_id = '${COLLEAGUE}' where account = 'own'`;
    expect(await readSqlState(asOwner(text))).toBe("42501");
  });

  test("a colleague cannot take a shared connection over", async () => {
    const text = `update user_tokens set owner_id = '${COLLEAGUE}' where account = 'shared' returning id`;
    expect(await runAs(database.app, COLLEAGUES, text)).toEqual([]);
  });

  test("a shared connection that was disconnected is its owner's to see, and nobody else's", async () => {
    await asOwner("update user_tokens set is_active = false, deleted_at = now() where account = 'shared'");
    const text = "select id from user_tokens where account = 'shared'";
    expect((await asOwner(text)).length).toBe(1);
    expect(await runAs(database.app, COLLEAGUES, text)).toEqual([]);
  });

  test("a connection cannot be inserted for somebody else, nor into another workspace", async () => {
    const id = makeId("con", "5");
    expect(await readSqlState(insert(id, "x", "vault:kv/data/aurora/x", COLLEAGUE))).toBe("42501");
    const elsewhere = { user: SELF, workspace: OTHER_WORKSPACE };
    const text = `insert into user_tokens (id, workspace_id, owner_id, provider, secret_ref)
      values ('${id}', '${WORKSPACE}', '${SELF}', 'gcp', 'vault:kv/data/aurora/x')`;
    expect(await readSqlState(runAs(database.app, elsewhere, text))).toBe("42501");
  });

  test("an owner has one live connection per provider and account, and may connect again after disconnecting", async () => {
    expect(await readSqlState(insert(makeId("con", "5"), "own", "vault:kv/data/aurora/y"))).toBe("23505");
    await asOwner("update user_tokens set is_active = false where account = 'own'");
    expect(await insert(makeId("con", "6"), "own", "vault:kv/data/aurora/y")).toEqual([{ status: "connecting" }]);
    await database.owner.query([{ text: `delete from user_tokens where id = '${makeId("con", "6")}'` }]);
  });

  test("a reference is never used twice, not even after a disconnect", async () => {
    await asOwner("update user_tokens set is_active = false where account = 'own'");
    expect(await readSqlState(insert(makeId("con", "7"), "z", "vault:kv/data/aurora/own"))).toBe("23505");
  });

  test.each([
    ["an id of another kind", makeId("usr", "5"), "vault:kv/data/aurora/q"],
    ["an id in capitals", makeId("con", "A"), "vault:kv/data/aurora/q"],
    ["a secret where a reference belongs", makeId("con", "8"), '{"refresh_token": "1//0g"}'],
  ])("%s is refused", async (_what, id, ref) => {
    expect(await readSqlState(insert(id, "q", ref))).toBe("23514");
  });

  const addEvent = (workspace: string, seq: string) =>
    runAs(
      database.app,
      { user: STRANGER, workspace },
      `insert into audit_events (workspace_id, seq, at, action, outcome, actor, hash, event)
        values ($1, $2, now(), 'auth.failed', 'refused', '{"id": null}', $3, '{}')
        on conflict do nothing returning seq`,
      [workspace, seq, "e".repeat(64)],
    );

  test("an audit event that is there already is left as it is", async () => {
    expect((await addEvent(OTHER_WORKSPACE, "1")).length).toBe(1);
    expect(await addEvent(OTHER_WORKSPACE, "1")).toEqual([]);
    const named = `insert into audit_events (workspace_id, seq, at, action, outcome, hash, event)
      values ($1, 1, now(), 'x', 'x', $2, '{}') on conflict (workspace_id, seq) do nothing returning seq`;
    const context = { user: STRANGER, workspace: OTHER_WORKSPACE };
    expect(await runAs(database.app, context, named, [OTHER_WORKSPACE, "e".repeat(64)])).toEqual([]);
  });

  test("events of nobody's workspace have a place of their own, which no workspace sees", async () => {
    expect((await addEvent("wsp_unauthenticated", "1")).length).toBe(1);
    const text = "select seq from audit_events where workspace_id = 'wsp_unauthenticated'";
    expect(await asOwner(text)).toEqual([]);
  });

  test("a session or a key cannot name a user of another workspace", async () => {
    const context = { user: STRANGER, workspace: WORKSPACE };
    const text = "insert into sessions (id, user_id, workspace_id, expires_at) values ($1, $2, $3, now())";
    expect(await readSqlState(runAs(database.app, context, text, [makeId("ses", "7"), STRANGER, WORKSPACE]))).toBe(
      "23503",
    );
  });
});
