import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Row } from "../../local/migrate/database.ts";
import { COLLEAGUE, OTHER_WORKSPACE, SEED, SELF, STRANGER, WORKSPACE } from "./access-matrix.ts";
import { type MigratedDatabase, makeId, readSqlState, runAs, TARGETS } from "./database-targets.ts";

const OWN = { user: SELF, workspace: WORKSPACE } as const;
const COLLEAGUES = { user: COLLEAGUE, workspace: WORKSPACE } as const;
const STRANGERS = { user: STRANGER, workspace: OTHER_WORKSPACE } as const;
const SESSION = makeId("ses", "1");
const KEY_HASH = "0".repeat(64);
const ACCOUNT = "f".repeat(64);

describe.each(TARGETS)("functions with the owner's rights on $name", (target) => {
  let database: MigratedDatabase;
  beforeAll(async () => {
    database = await target.start();
  });
  afterAll(() => database?.stop());

  const call = (text: string, params: readonly (string | null)[] = []) => runAs(database.app, null, text, params);
  const tamper = (text: string) => runAs(database.owner, null, text);
  const register = (digit: string, isFirstOnly: string, email = `${digit}@example.com`) =>
    call("select register_account($1, 'w', $2, $3, null, 'hash', $4)", [
      makeId("wsp", digit),
      makeId("usr", digit),
      email,
      isFirstOnly,
    ]);

  test("of two who register as the first at once, one is refused", async () => {
    const states = await Promise.all([readSqlState(register("5", "true")), readSqlState(register("6", "true"))]);
    expect(states.sort()).toEqual(["AE001", null]);
    expect((await tamper("select id from users")).length).toBe(1);
  });

  test("an email that is taken is refused in any case, and leaves no workspace", async () => {
    await register("7", "false");
    expect(await readSqlState(register("8", "false", "7@EXAMPLE.com"))).toBe("23505");
    expect(await tamper(`select id from workspaces where id = '${makeId("wsp", "8")}'`)).toEqual([]);
  });

  test("who registers is the admin of a workspace with an external id of its own", async () => {
    await register("9", "false");
    const [login] = await call("select role, is_active, password_hash from find_login('9@Example.com')");
    expect(login).toEqual({ role: "admin", is_active: true, password_hash: "hash" });
    const [ids] = await tamper("select count(*)::int n, count(distinct aws_external_id)::int d from workspaces");
    expect(ids?.["n"]).toBe(ids?.["d"]);
  });

  test("the external id cannot be changed, even by the owner", async () => {
    expect(await readSqlState(tamper("update workspaces set aws_external_id = 'x'"))).toBe("23001");
  });

  test("find_login knows no unknown email", async () => {
    expect(await call("select * from find_login('nobody@example.com')")).toEqual([]);
  });

  describe("with people in two workspaces", () => {
    beforeAll(async () => {
      for (const text of SEED) await tamper(text);
      await tamper(`update users set password_hash = 'secret' where id = '${SELF}'`);
    });

    test("a password hash is read by its own user only", async () => {
      const read = (context: typeof OWN | typeof COLLEAGUES | typeof STRANGERS | null) =>
        runAs(database.app, context, "select read_password_hash($1) as hash", [SELF]).then(([row]) => row?.["hash"]);
      expect(await Promise.all([read(OWN), read(COLLEAGUES), read(STRANGERS), read(null)])).toEqual([
        "secret",
        null,
        null,
        null,
      ]);
    });

    test("a password is set within the workspace only", async () => {
      const set = (context: typeof OWN | typeof STRANGERS | null) =>
        runAs(database.app, context, "select set_password_hash($1, 'new') as ok", [SELF]).then(([row]) => row?.["ok"]);
      expect([await set(STRANGERS), await set(null)]).toEqual([false, false]);
      expect(await tamper(`select password_hash from users where id = '${SELF}'`)).toEqual([
        { password_hash: "secret" },
      ]);
      expect(await set(OWN)).toBe(true);
    });

    const prove = (session = SESSION, user = SELF) =>
      call("select user_id from prove_session($1, $2)", [session, user]);

    test("a live session proves its own user and nobody else", async () => {
      expect(await prove()).toEqual([{ user_id: SELF }]);
      expect(await prove(SESSION, COLLEAGUE)).toEqual([]);
      expect(await prove(makeId("ses", "9"))).toEqual([]);
    });

    test.each([
      [
        "expired",
        "update sessions set expires_at = now()",
        "update sessions set expires_at = now() + interval '1 day'",
      ],
      ["ended", "update sessions set ended_at = now()", "update sessions set ended_at = null"],
      ["a deactivated user's", "update users set is_active = false", "update users set is_active = true"],
    ])("a session that is %s proves nothing", async (_what, spoil, restore) => {
      await tamper(spoil);
      expect(await prove()).toEqual([]);
      await tamper(restore);
      expect((await prove()).length).toBe(1);
    });

    const KEY = makeId("key", "1");
    const listLive = async (context: typeof OWN | typeof STRANGERS | null, ids: readonly string[] = [SESSION, KEY]) => {
      const text = "select id, user_id, role, permissions from list_live_credentials($1)";
      const rows = await runAs(database.app, context, text, [`{${ids.join(",")}}`]);
      return rows.toSorted((one, other) => (String(one["id"]) < String(other["id"]) ? -1 : 1));
    };
    const LIVE_KEY = { id: KEY, user_id: null, role: null, permissions: [] };
    const LIVE_SESSION = { id: SESSION, user_id: SELF, role: "viewer", permissions: null };

    test("live credentials are listed to their own workspace only, and none but those asked for", async () => {
      expect(await listLive(OWN)).toEqual([LIVE_KEY, LIVE_SESSION]);
      expect(await listLive(OWN, [KEY, makeId("ses", "9")])).toEqual([LIVE_KEY]);
      expect(await listLive(OWN, [])).toEqual([]);
      expect([await listLive(STRANGERS), await listLive(null)]).toEqual([[], []]);
    });

    test("a credential that ends later is listed with its end, and what its user may do now", async () => {
      await tamper(`update users set role = 'analyst' where id = '${SELF}'`);
      const rows = await runAs(
        database.app,
        OWN,
        "select role, expires_at > now() as later from list_live_credentials($1)",
        [`{${SESSION}}`],
      );
      expect(rows).toEqual([{ role: "analyst", later: true }]);
      await tamper(`update users set role = 'viewer' where id = '${SELF}'`);
    });

    test.each([
      [
        "an expired session",
        LIVE_KEY,
        "update sessions set expires_at = now()",
        "update sessions set expires_at = now() + interval '1 day'",
      ],
      ["an ended session", LIVE_KEY, "update sessions set ended_at = now()", "update sessions set ended_at = null"],
      [
        "a deactivated user's session",
        LIVE_KEY,
        "update users set is_active = false",
        "update users set is_active = true",
      ],
      [
        "an expired key",
        LIVE_SESSION,
        "update api_keys set expires_at = now()",
        "update api_keys set expires_at = null",
      ],
      [
        "a revoked key",
        LIVE_SESSION,
        "update api_keys set revoked_at = now()",
        "update api_keys set revoked_at = null",
      ],
    ])("%s is not listed as live", async (_what, other, spoil, restore) => {
      await tamper(spoil);
      expect(await listLive(OWN)).toEqual([other]);
      await tamper(restore);
      expect(await listLive(OWN)).toEqual([LIVE_KEY, LIVE_SESSION]);
    });

    test("sessions are ended within the workspace only, but the one excepted", async () => {
      const end = (context: typeof COLLEAGUES | typeof STRANGERS | null, except: string | null) =>
        runAs(database.app, context, "select end_sessions($1, $2) as n", [SELF, except]).then(([row]) => row?.["n"]);
      expect([await end(null, null), await end(STRANGERS, null), await end(COLLEAGUES, SESSION)]).toEqual([0, 0, 0]);
      expect(await end(COLLEAGUES, null)).toBe(1);
      expect(await prove()).toEqual([]);
    });

    test("an ended session cannot be revived", async () => {
      expect(await runAs(database.app, OWN, "update sessions set ended_at = null returning id")).toEqual([]);
    });

    const proveKey = (hash = KEY_HASH) => call("select id, permissions from prove_api_key($1)", [hash]);
    const readUse = async () => (await tamper("select last_used_at::text as at from api_keys"))[0]?.["at"];

    test("a live key is proven, and its use noted once a minute", async () => {
      expect(await proveKey()).toEqual([{ id: makeId("key", "1"), permissions: [] }]);
      const first = await readUse();
      await proveKey();
      expect([typeof first, await readUse()]).toEqual(["string", first]);
      await tamper("update api_keys set last_used_at = now() - interval '61 seconds'");
      await proveKey();
      expect(await readUse()).not.toBe(first);
    });

    test("a key is proven in a read-only transaction too", async () => {
      await tamper("update api_keys set last_used_at = null");
      const [, rows] = await database.app.query([
        { text: "set local transaction_read_only = on" },
        { text: "select id from prove_api_key($1)", params: [KEY_HASH] },
      ]);
      expect([rows?.length, await readUse()]).toEqual([1, null]);
    });

    test("an unknown, an expired and a revoked key prove nothing", async () => {
      expect(await proveKey("1".repeat(64))).toEqual([]);
      await tamper("update api_keys set expires_at = now()");
      expect(await proveKey()).toEqual([]);
      await tamper("update api_keys set expires_at = null, revoked_at = now()");
      expect(await proveKey()).toEqual([]);
    });

    test("a revoked key cannot be revived", async () => {
      expect(await runAs(database.app, OWN, "update api_keys set revoked_at = null returning id")).toEqual([]);
    });

    const proveAgent = (hash = KEY_HASH) => call("select id, cluster_name from prove_kubectl_token($1)", [hash]);
    const readAgentUse = async () => (await tamper("select last_used_at::text as at from kubectl_tokens"))[0]?.["at"];

    test("an agent's live token is proven, and its use noted once a minute, but not in a read-only transaction", async () => {
      const [, rows] = await database.app.query([
        { text: "set local transaction_read_only = on" },
        { text: "select id from prove_kubectl_token($1)", params: [KEY_HASH] },
      ]);
      expect([rows?.length, await readAgentUse()]).toEqual([1, null]);
      expect(await proveAgent()).toEqual([{ id: makeId("kct", "1"), cluster_name: "c" }]);
      const first = await readAgentUse();
      await proveAgent();
      expect([typeof first, await readAgentUse()]).toEqual(["string", first]);
    });

    test("an agent's token that is unknown, expired or revoked proves nothing, and is never revived", async () => {
      expect(await proveAgent("1".repeat(64))).toEqual([]);
      await tamper("update kubectl_tokens set expires_at = now()");
      expect(await proveAgent()).toEqual([]);
      await tamper("update kubectl_tokens set expires_at = null, revoked_at = now()");
      expect(await proveAgent()).toEqual([]);
      expect(await runAs(database.app, OWN, "update kubectl_tokens set revoked_at = null returning id")).toEqual([]);
    });

    test("nobody makes an agent's token in a colleague's name, or in an agent's", async () => {
      const make = (context: typeof OWN, maker: string, hash: string) =>
        readSqlState(
          runAs(
            database.app,
            context,
            "insert into kubectl_tokens (id, workspace_id, cluster_name, token_hash, created_by) values ($1, $2, 'c', $3, $4)",
            [makeId("kct", hash), WORKSPACE, hash.repeat(64), maker],
          ),
        );
      expect(await make(OWN, COLLEAGUE, "3")).toBe("42501");
      const agent = { user: makeId("kct", "1"), workspace: WORKSPACE } as unknown as typeof OWN;
      expect(await make(agent, makeId("kct", "1"), "4")).toBe("23514");
    });

    test("a key that manages users cannot be made", async () => {
      const text = `insert into api_keys (id, workspace_id, service_name, key_hash, key_prefix, permissions, created_by)
        values ($1, $2, 's', $3, 'ak_', '{tokens:read,users:manage}', $4)`;
      const params = [makeId("key", "3"), WORKSPACE, "3".repeat(64), SELF];
      expect(await readSqlState(runAs(database.app, OWN, text, params))).toBe("23514");
    });

    const due = (limit = "10") => call("select id, secret_ref from list_due_connections($1, '60')", [limit]);

    test("only live connections that are late are due, and each is leased to one sweep", async () => {
      expect(await due()).toEqual([]);
      await tamper("update user_tokens set status = 'active', refresh_due_at = now() - interval '20 seconds'");
      expect(await due()).toEqual([]);
      await tamper("update user_tokens set refresh_due_at = now() - interval '1 hour'");
      const sweeps: readonly (readonly Row[])[] = await Promise.all([due("1"), due("1"), due("1")]);
      expect(
        sweeps
          .flat()
          .map((row) => row["id"])
          .sort(),
      ).toEqual([makeId("con", "1", "00a"), makeId("con", "1", "00b")]);
      await tamper("update user_tokens set sweep_leased_until = now() - interval '1 second'");
      expect((await due()).length).toBe(2);
    });

    test.each(["status = 'connecting'", "status = 'reauth_required'", "is_active = false, deleted_at = now()"])(
      "a connection with %s is never due",
      async (change) => {
        await tamper(`update user_tokens set sweep_leased_until = null, status = 'active', is_active = true`);
        await tamper(`update user_tokens set ${change}`);
        expect(await due()).toEqual([]);
      },
    );

    test("set-ups nobody heard of are taken once, with the owner the connection has now", async () => {
      const taken = () => call("select connection_id, owner_id, attempt from take_stalled_gcp_setups('10', '120')");
      await tamper("update user_tokens set is_active = true, deleted_at = null");
      expect(await taken()).toEqual([]);
      await tamper("update gcp_setups set heard_at = now() - interval '3 minutes'");
      await tamper(`update user_tokens set owner_id = '${COLLEAGUE}' where account = 'shared'`);
      await tamper("update user_tokens set is_active = false where account = 'own'");
      expect(await taken()).toEqual([{ connection_id: makeId("con", "1", "00b"), owner_id: COLLEAGUE, attempt: 1 }]);
      expect(await taken()).toEqual([]);
      await tamper("update user_tokens set is_active = true");
      await tamper(`update user_tokens set owner_id = '${SELF}'`);
      await tamper("update gcp_setups set status = 'success', result = '{}', heard_at = now() - interval '3 minutes'");
      expect(await taken()).toEqual([]);
    });

    test("credentials that end are taken once for each warning, whoever's workspace they are of, and nothing else of them", async () => {
      const taken = () => call("select * from take_ending_credentials('{30,7,1}', '10')");
      const end = (at: string) =>
        tamper(
          `update user_tokens set is_active = true, version = 1, credential_expires_at = now() + interval '${at}'`,
        );
      await end("40 days");
      expect(await taken()).toEqual([]);
      await end("20 days");
      const both = ["00a", "00b"].map((end) => ({
        ...{ id: makeId("con", "1", end), workspace_id: WORKSPACE, provider: "gcp", days: 30 },
        credential_expires_at: expect.anything(),
      }));
      expect((await taken()).toSorted((one, other) => (String(one["id"]) < String(other["id"]) ? -1 : 1))).toEqual(
        both,
      );
      expect(await taken()).toEqual([]);
      await end("12 hours");
      expect((await taken()).map(({ days }) => days)).toEqual([1, 1]);
      await tamper("update user_tokens set credential_expires_at = null, credential_warned_days = null, version = 0");
    });

    test("another live grant of the same account is found in any workspace", async () => {
      await tamper(`update user_tokens set is_active = true, upstream_account = '${ACCOUNT}' where account = 'own'`);
      const has = (provider: string, account: string, except: string) =>
        call("select has_other_live_grant($1, $2, $3) as yes", [provider, account, except]).then(
          ([row]) => row?.["yes"],
        );
      expect(await has("gcp", ACCOUNT, makeId("con", "9"))).toBe(true);
      expect(await has("gcp", ACCOUNT, makeId("con", "1", "00a"))).toBe(false);
      expect(await has("aws", ACCOUNT, makeId("con", "9"))).toBe(false);
      await tamper("update user_tokens set is_active = false");
      expect(await has("gcp", ACCOUNT, makeId("con", "9"))).toBe(false);
    });
  });
});
