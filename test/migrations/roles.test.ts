import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MigratedDatabase, readSqlState, TARGETS } from "./database-targets.ts";

/** Every function that runs with the owner's rights. Adding one means deciding what it may return. */
const DEFINER_FUNCTIONS = [
  "end_sessions",
  "find_login",
  "forget_purges",
  "has_other_live_grant",
  "lease_due_webhooks",
  "lease_retired_connections",
  "list_due_connections",
  "list_live_credentials",
  "list_unknown_secrets",
  "plan_retention",
  "prove_api_key",
  "prove_kubectl_token",
  "prove_session",
  "prune_audit_events",
  "purge_connections",
  "purge_retired",
  "read_password_hash",
  "register_account",
  "set_password_hash",
  "take_ending_credentials",
  "take_purges",
  "take_stalled_gcp_setups",
];

describe.each(TARGETS)("roles on $name", (target) => {
  let database: MigratedDatabase;
  beforeAll(async () => {
    database = await target.start();
  });
  afterAll(() => database?.stop());

  async function list(text: string): Promise<readonly unknown[]> {
    const [rows = []] = await database.owner.query([{ text }]);
    return rows.map((row) => Object.values(row)[0]);
  }

  test("aurora_app has no right that gets round row-level security", async () => {
    const text = `select rolname from pg_roles where rolname = 'aurora_app' and rolcanlogin
      and not (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)`;
    expect(await list(text)).toEqual(["aurora_app"]);
  });

  test("aurora_app is a member of no role", async () => {
    expect(await list("select roleid from pg_auth_members where member = 'aurora_app'::regrole")).toEqual([]);
  });

  test("aurora_app owns nothing", async () => {
    expect(
      await list(`select relname::text from pg_class where relowner = 'aurora_app'::regrole
        union all select proname::text from pg_proc where proowner = 'aurora_app'::regrole
        union all select nspname::text from pg_namespace where nspowner = 'aurora_app'::regrole
        union all select datname::text from pg_database where datdba = 'aurora_app'::regrole`),
    ).toEqual([]);
  });

  test("aurora_owner owns every table and function", async () => {
    expect(
      await list(`select relname::text from pg_class where relnamespace = 'public'::regnamespace and relowner <> 'aurora_owner'::regrole
        union all select proname::text from pg_proc where pronamespace = 'public'::regnamespace and proowner <> 'aurora_owner'::regrole`),
    ).toEqual([]);
  });

  test("aurora_owner does not get round row-level security either", async () => {
    const text = "select rolname from pg_roles where rolname = 'aurora_owner' and (rolsuper or rolbypassrls)";
    expect(await list(text)).toEqual([]);
  });

  test("every function with the owner's rights is on the list", async () => {
    const text =
      "select proname::text from pg_proc where prosecdef and pronamespace = 'public'::regnamespace order by 1";
    expect(await list(text)).toEqual(DEFINER_FUNCTIONS);
  });

  test("every function with the owner's rights searches no schema", async () => {
    const text = `select proname::text from pg_proc where prosecdef and pronamespace = 'public'::regnamespace
      and not coalesce(proconfig, '{}') @> '{"search_path=\\"\\""}'`;
    expect(await list(text)).toEqual([]);
  });

  test("no function may be called by everybody", async () => {
    const text = `select proname::text from pg_proc p where pronamespace = 'public'::regnamespace
      and (p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0))`;
    expect(await list(text)).toEqual([]);
  });

  test("no table is granted to everybody", async () => {
    const text = `select relname::text from pg_class c, aclexplode(c.relacl) a
      where relnamespace = 'public'::regnamespace and a.grantee = 0`;
    expect(await list(text)).toEqual([]);
  });

  test("what aurora_app is granted always lists its columns", async () => {
    const text = `select relname::text from pg_class c, aclexplode(c.relacl) a
      where relnamespace = 'public'::regnamespace and a.grantee = 'aurora_app'::regrole`;
    expect(await list(text)).toEqual([]);
  });

  test.each([
    ["read password hashes", "select password_hash from users"],
    ["read everything of a user", "select * from users"],
    ["write a password hash", "update users set password_hash = 'x'"],
    ["insert a password hash", "insert into users (password_hash) values ('x')"],
    ["move a user to another workspace", "update users set workspace_id = 'x'"],
    ["change an email", "update users set email = 'x'"],
    ["read key hashes", "select key_hash from api_keys"],
    ["filter by key hashes", "select id from api_keys where key_hash = 'x'"],
    ["read the hashes of agents' tokens", "select token_hash from kubectl_tokens"],
    ["filter by the hashes of agents' tokens", "select id from kubectl_tokens where token_hash = 'x'"],
    ["prolong an agent's token", "update kubectl_tokens set expires_at = now()"],
    ["change what a key may do", "update api_keys set permissions = '{}'"],
    ["pretend a key was used", "update api_keys set last_used_at = now()"],
    ["move a connection to another workspace", "update user_tokens set workspace_id = 'x'"],
    ["point a connection at another secret", "update user_tokens set secret_ref = 'x'"],
    ["change a connection's provider", "update user_tokens set provider = 'x'"],
    ["move a set-up to another connection", "update gcp_setups set connection_id = 'x'"],
    ["move a webhook to another workspace", "update webhooks set workspace_id = 'x'"],
    ["point a webhook at another secret", "update webhooks set secret_ref = 'x'"],
    ["keep a sweep away from a webhook", "update webhooks set sweep_leased_until = now()"],
    ["change what a delivery says", "update webhook_deliveries set payload = 'x'"],
    ["move a delivery to another webhook", "update webhook_deliveries set webhook_id = 'x'"],
    ["prolong a session", "update sessions set expires_at = now()"],
    ["change the external id of a workspace", "update workspaces set aws_external_id = 'x'"],
    ["empty a table", "truncate audit_events"],
    ["change the time of an event", "update audit_events set at = now()"],
    ["create a table", "create table mine (id int)"],
    ["create a temporary table", "create temporary table mine (id int)"],
    ["create a function", "create function mine() returns int language sql return 1"],
    ["create a schema", "create schema mine"],
    ["create a role", "create role mine"],
    ["switch off row-level security", "alter table users disable row level security"],
    ["become the owner", "set role aurora_owner"],
    ["read passwords of roles", "select rolpassword from pg_authid"],
    ["become anyone", "set session authorization aurora_owner"],
    ["run the trigger's function", "select keep_aws_external_id()"],
    ["say since when somebody is deactivated", "update users set deactivated_at = now()"],
    ["look at what may be purged row by row", "select * from list_retired()"],
    ["note a purge that was none", "select write_retention_ledger('users', '{}')"],
  ])("aurora_app cannot %s", async (_what, text) => {
    expect(await readSqlState(database.app.query([{ text }]))).toBe("42501");
  });

  test("row_security cannot be switched off to see more", async () => {
    const state = readSqlState(
      database.app.query([{ text: "set local row_security = off" }, { text: "select id from users" }]),
    );
    expect(await state).toBe("42501");
  });
});
