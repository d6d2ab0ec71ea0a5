import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { COLLEAGUE, SEED, SELF, WORKSPACE } from "./access-matrix.ts";
import { type MigratedDatabase, makeId, readSqlState, runAs, TARGETS } from "./database-targets.ts";

const OWN = { user: SELF, workspace: WORKSPACE } as const;
const CONNECTION = makeId("con", "1", "00a");
const SHARED = makeId("con", "1", "00b");
const KEY = makeId("key", "1");

describe.each(TARGETS)("retention on $name", (target) => {
  let database: MigratedDatabase;
  beforeAll(async () => {
    database = await target.start();
    for (const text of SEED) await tamper(text);
  });
  afterAll(() => database?.stop());

  const tamper = (text: string) => runAs(database.owner, null, text);
  const act = (text: string) => runAs(database.app, OWN, text);
  const call = (text: string, params: readonly (string | null)[] = []) => runAs(database.app, null, text, params);
  const purge = async (kind: string, limit = "10") =>
    (await call("select purge_retired($1, $2) as n", [kind, limit]))[0]?.["n"];
  const isNow = async (table: string, column: string, id: string) =>
    (await tamper(`select now() - ${column} < interval '1 minute' as is_now from ${table} where id = '${id}'`))[0]?.[
      "is_now"
    ];

  describe("the Worker cannot make anything older than it is", () => {
    test("somebody is deactivated now, stays so since then, and not at all once active again", async () => {
      await act(`update users set is_active = false where id = '${COLLEAGUE}'`);
      expect(await isNow("users", "deactivated_at", COLLEAGUE)).toBe(true);
      await tamper(`update users set deactivated_at = now() - interval '40 days' where id = '${COLLEAGUE}'`);
      await act(`update users set name = 'x' where id = '${COLLEAGUE}'`);
      expect(await isNow("users", "deactivated_at", COLLEAGUE)).toBe(false);
      await act(`update users set is_active = true where id = '${COLLEAGUE}'`);
      expect(await tamper(`select deactivated_at from users where id = '${COLLEAGUE}'`)).toEqual([
        { deactivated_at: null },
      ]);
    });

    test.each([
      ["a connection", "user_tokens", "deleted_at", CONNECTION, "is_active = false, deleted_at"],
      ["a connection that is deleted already", "user_tokens", "deleted_at", CONNECTION, "deleted_at"],
      ["a session", "sessions", "ended_at", makeId("ses", "1"), "ended_at"],
      ["a key by revoking", "api_keys", "revoked_at", KEY, "revoked_at"],
      ["an agent's token", "kubectl_tokens", "revoked_at", makeId("kct", "1"), "revoked_at"],
    ])("%s", async (_what, table, column, id, set) => {
      await act(`update ${table} set ${set} = now() - interval '1 year' where id = '${id}'`);
      expect(await isNow(table, column, id)).toBe(true);
    });

    test("a key by letting it expire", async () => {
      await tamper(`update api_keys set revoked_at = null`);
      await act(`update api_keys set expires_at = now() - interval '1 year' where id = '${KEY}'`);
      expect(await isNow("api_keys", "expires_at", KEY)).toBe(true);
    });

    test("a connection by inserting it as deleted", async () => {
      const id = makeId("con", "9");
      await act(`insert into user_tokens (id, workspace_id, owner_id, provider, secret_ref, is_active, deleted_at) values
        ('${id}', '${WORKSPACE}', '${SELF}', 'aws', 'vault:kv/data/aurora/deleted', false, now() - interval '1 year')`);
      expect(await isNow("user_tokens", "deleted_at", id)).toBe(true);
      await tamper(`delete from user_tokens where id = '${id}'`);
    });
  });

  /** Everything of SELF is over; the days are how long ago. */
  async function endAll(days: number): Promise<void> {
    const at = `now() - interval '${days} days'`;
    await tamper("delete from retention_ledger");
    for (const text of ["delete from sessions", "delete from api_keys", "delete from kubectl_tokens"])
      await tamper(text);
    await tamper("delete from user_tokens");
    await tamper(`delete from users where id = '${SELF}'`);
    for (const text of SEED.filter((seed) => !/into (workspaces|audit_events)/.test(seed))) {
      await tamper(text.replace(/\)$/, ") on conflict do nothing"));
    }
    await tamper(`update user_tokens set is_active = false, deleted_at = ${at}, sweep_leased_until = null`);
    await tamper(`update users set is_active = false, deactivated_at = ${at} where id = '${SELF}'`);
    await tamper(`update sessions set ended_at = ${at}`);
    await tamper(`update api_keys set revoked_at = ${at}`);
    await tamper(`update kubectl_tokens set expires_at = ${at}`);
  }

  const plan = async () =>
    (await call("select kind, workspace_id, count::int as count from plan_retention(365)")).map((row) => [
      row["kind"],
      row["workspace_id"],
      row["count"],
    ]);
  const lease = (limit = "10", seconds = "60") =>
    call("select id, owner_id from lease_retired_connections($1, $2)", [limit, seconds]);
  const purgeConnections = async (...ids: string[]) =>
    (await call("select purge_connections($1::text[]) as n", [`{${ids.join(",")}}`]))[0]?.["n"];

  describe("what ended 29 days ago", () => {
    beforeAll(() => endAll(29));

    test("is in no plan but for its session, and goes by no function", async () => {
      expect(await plan()).toEqual([["sessions", WORKSPACE, 1]]);
      expect(await lease()).toEqual([]);
      expect(await purgeConnections(CONNECTION, SHARED)).toBe(0);
      for (const kind of ["users", "api_keys", "kubectl_tokens"]) expect(await purge(kind)).toBe(0);
      expect(await tamper("select id from user_tokens")).toHaveLength(2);
      expect(await tamper(`select id from users where id = '${SELF}'`)).toHaveLength(1);
      expect(await tamper("select id from retention_ledger")).toEqual([]);
    });
  });

  describe("what ended 31 days ago", () => {
    beforeEach(() => endAll(31));

    test("is in the plan, by kind and workspace", async () => {
      expect(await plan()).toEqual([
        ["api_keys", WORKSPACE, 1],
        ["connections", WORKSPACE, 2],
        ["kubectl_tokens", WORKSPACE, 1],
        ["sessions", WORKSPACE, 1],
        ["users", WORKSPACE, 1],
      ]);
    });

    test("goes once, with a ledger entry that names it", async () => {
      expect(await purgeConnections(CONNECTION, SHARED)).toBe(2);
      for (const kind of ["sessions", "users", "api_keys", "kubectl_tokens"]) expect(await purge(kind)).toBe(1);
      for (const kind of ["sessions", "users", "api_keys", "kubectl_tokens"]) expect(await purge(kind)).toBe(0);
      expect(await purgeConnections(CONNECTION, SHARED)).toBe(0);
      expect(await plan()).toEqual([]);
      expect(await tamper("select kind, count, ids from retention_ledger order by id")).toEqual([
        { kind: "connections", count: 2, ids: [CONNECTION, SHARED] },
        { kind: "sessions", count: 1, ids: [makeId("ses", "1")] },
        { kind: "users", count: 1, ids: [SELF] },
        { kind: "api_keys", count: 1, ids: [KEY] },
        { kind: "kubectl_tokens", count: 1, ids: [makeId("kct", "1")] },
      ]);
      expect(await tamper("select connection_id from gcp_setups")).toEqual([]);
    });

    test("somebody goes with the sessions they have left, which are noted as well", async () => {
      await tamper("update sessions set ended_at = now()");
      expect(await purge("users")).toBe(1);
      expect(await tamper("select id from sessions")).toEqual([]);
      expect(await tamper("select kind from retention_ledger order by id")).toEqual([
        { kind: "users" },
        { kind: "sessions" },
      ]);
    });

    test("a session that goes by itself and with somebody at once is noted once", async () => {
      await tamper(`create function public.slow_down() returns trigger language plpgsql as
        $$ begin perform pg_sleep(0.3); return null; end $$`);
      await tamper("create trigger slow_down before delete on sessions execute function public.slow_down()");
      await Promise.all([purge("sessions"), purge("users")]);
      await tamper("drop function public.slow_down() cascade");
      const noted = "select sum(count)::int as n from retention_ledger where kind = 'sessions'";
      expect(await tamper(noted)).toEqual([{ n: 1 }]);
    });

    test("a key stays when its maker goes, and names them by id", async () => {
      await tamper("update api_keys set revoked_at = null");
      expect(await purge("users")).toBe(1);
      expect(await tamper("select created_by from api_keys")).toEqual([{ created_by: SELF }]);
    });

    test("a key stays when its successor goes", async () => {
      const successor = makeId("key", "2");
      await tamper(`insert into api_keys (id, workspace_id, service_name, key_hash, key_prefix, permissions, created_by,
        revoked_at) values ('${successor}', '${WORKSPACE}', 's', '${"2".repeat(64)}', 'ak_', '{}', '${SELF}',
        now() - interval '31 days')`);
      await tamper(`update api_keys set replaced_by = '${successor}', revoked_at = null where id = '${KEY}'`);
      expect(await purge("api_keys")).toBe(1);
      expect(await tamper("select id, replaced_by from api_keys")).toEqual([{ id: KEY, replaced_by: null }]);
    });

    test("who is active again, or still owns a live connection, stays", async () => {
      await act(`update users set is_active = true where id = '${SELF}'`);
      expect(await purge("users")).toBe(0);
      await endAll(31);
      await tamper("update user_tokens set is_active = true where account = 'own'");
      await tamper(`update user_tokens set owner_id = '${KEY}', is_active = true where account = 'shared'`);
      expect([await purge("users"), await purge("api_keys")]).toEqual([0, 0]);
      expect(await purgeConnections(CONNECTION, SHARED)).toBe(0);
    });

    test("connections are leased to one run, with what their keepers need", async () => {
      const runs = await Promise.all([lease("1"), lease("1"), lease("1")]);
      expect(runs.flat().map((row) => row["id"])).toHaveLength(2);
      expect(runs.flat().every((row) => row["owner_id"] === SELF)).toBe(true);
      await tamper("update user_tokens set sweep_leased_until = now() - interval '1 second'");
      expect(await lease()).toHaveLength(2);
    });

    test("a limit is kept", async () => {
      await tamper(`insert into sessions (id, user_id, workspace_id, expires_at)
        select 'ses_' || lpad(to_hex(n), 32, '0'), '${COLLEAGUE}', '${WORKSPACE}', now() - n * interval '1 day'
        from generate_series(2, 40) n`);
      expect([await purge("sessions", "30"), await purge("sessions", "30")]).toEqual([30, 10]);
    });

    test("of many the ledger names the first twenty, and two runs at once delete each once", async () => {
      await tamper(`insert into sessions (id, user_id, workspace_id, expires_at)
        select 'ses_' || lpad(to_hex(n), 32, '0'), '${COLLEAGUE}', '${WORKSPACE}', now() - interval '2 days'
        from generate_series(1, 200) n`);
      const gone = await Promise.all(Array.from({ length: 4 }, () => purge("sessions", "100")));
      const rest = await purge("sessions", "1000");
      expect([...gone, rest].reduce((sum: number, n) => sum + Number(n), 0)).toBe(201);
      const [told] = await tamper("select sum(count)::int as n, max(cardinality(ids)) as ids from retention_ledger");
      expect(told).toEqual({ n: 201, ids: 20 });
    });

    test("a session over for a day goes, one over for less stays", async () => {
      await tamper("update sessions set ended_at = null, expires_at = now() - interval '23 hours'");
      expect(await purge("sessions")).toBe(0);
      await tamper("update sessions set expires_at = now() - interval '25 hours'");
      expect(await purge("sessions")).toBe(1);
    });

    test("the ledger is told to one run at a time, added up, and forgotten only when leased", async () => {
      await purgeConnections(CONNECTION);
      await purgeConnections(SHARED);
      const take = () => call("select kind, count::int as count, ids, entries from take_purges('10', '60')");
      const [entry, ...others] = await take();
      expect(others).toEqual([]);
      expect(entry).toMatchObject({ kind: "connections", count: 2, ids: [CONNECTION, SHARED] });
      expect(await take()).toEqual([]);
      await tamper("update retention_ledger set leased_until = now() - interval '1 second'");
      expect(await take()).toHaveLength(1);
      const entries = `{${[entry?.["entries"]].flat().join(",")}}`;
      await call("select forget_purges($1::text[])", [entries]);
      expect(await tamper("select id from retention_ledger")).toEqual([]);
    });

    test.each(["connections", "workspaces", "audit_events", "user_tokens", "users; drop table users", ""])(
      "no rows of the kind '%s' are deleted by name",
      async (kind) => {
        expect(await readSqlState(call("select purge_retired($1, '10')", [kind]))).toBe("22023");
      },
    );

    test("a reference is known while any row holds it", async () => {
      const ask =
        "select list_unknown_secrets('{vault:kv/data/aurora/own,vault:kv/data/aurora/nobody}'::text[]) as ref";
      expect(await call(ask)).toEqual([{ ref: "vault:kv/data/aurora/nobody" }]);
      await purgeConnections(CONNECTION);
      expect(await call(ask)).toHaveLength(2);
    });
  });

  test("nothing but sessions refers to a person, so that nothing else keeps one from being purged", async () => {
    const text = `select conrelid::regclass::text as referrer from pg_constraint
      where contype = 'f' and confrelid = 'public.users'::regclass`;
    expect(await tamper(text)).toEqual([{ referrer: "sessions" }]);
  });
});
