import type { NeonQueryFunction } from "@neondatabase/serverless";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectOverHttp } from "../../../local/migrate/database.ts";
import { runMigrations } from "../../../local/migrate/run-migrations.ts";
import { type RunningPostgres, startPostgres } from "../../../local/postgres/server.ts";
import { connectDriver, readSqlState } from "./driver.ts";

let postgres: RunningPostgres;
let app: NeonQueryFunction<false, false>;
let owner: NeonQueryFunction<false, false>;

beforeAll(async () => {
  postgres = await startPostgres({ port: 0, dataDir: null, appPassword: "app", ownerPassword: "owner" });
  app = connectDriver(postgres, postgres.appUrl);
  owner = connectDriver(postgres, postgres.ownerUrl);
});
afterAll(() => postgres.stop());

test("before the first migration the Worker's role cannot log in", async () => {
  expect(await readSqlState(app`select 1`)).toBe("28P01");
});

describe("after migrating", () => {
  beforeAll(async () => {
    await runMigrations(connectOverHttp(postgres.adminUrl, `${postgres.address}/sql`), { appPassword: "app" });
  });

  test("the role of the connection string is the role that runs", async () => {
    const who = "select session_user::text as session, current_user::text as current";
    const admin = connectDriver(postgres, postgres.adminUrl);
    const rows = await Promise.all([app, owner, admin].map(async (sql) => (await sql.query(who))[0]));
    expect(rows).toEqual(
      ["aurora_app", "aurora_owner", "aurora_admin"].map((name) => ({ session: name, current: name })),
    );
  });

  test("no role is a superuser", async () => {
    for (const sql of [app, owner, connectDriver(postgres, postgres.adminUrl)]) {
      expect(await sql`select current_setting('is_superuser') as is`).toEqual([{ is: "off" }]);
    }
  });

  test.each([
    ["a wrong password", "postgresql://aurora_app:wrong@h/d"],
    ["another role's password", "postgresql://aurora_app:owner@h/d"],
    ["no password", "postgresql://aurora_app@h/d"],
    ["an unknown role", "postgresql://somebody:app@h/d"],
    ["the superuser", "postgresql://postgres:postgres@h/d"],
    ["a role that would end the quotes", "postgresql://aurora_app%22%3B:app@h/d"],
  ])("%s is refused", async (_what, url) => {
    expect(await readSqlState(connectDriver(postgres, url)`select 1`)).toBe("28P01");
  });

  test.each([
    "set session authorization postgres",
    "SET  SESSION\n AUTHORIZATION 'postgres'",
    "set/* */session/* x */authorization default",
    "set local session authorization postgres",
    "set session_authorization to postgres",
    'set "session_authorization" to postgres',
    'set U&"session\\005fauthorization" to postgres',
    "reset session authorization",
    "reset session_authorization",
    "select set_config('session_authorization', 'postgres', true)",
    "select set_config('Session_' || 'Authorization', 'postgres', false)",
    "select pg_catalog.set_any_config('session_' || 'authorization', 'postgres', false)",
    "update pg_settings set setting = 'postgres' where name = 'session_' || 'authorization'",
    "do $$ begin execute 'set session ' || 'authorization postgres'; end $$",
    "set role postgres",
    "set role aurora_owner",
    "select set_config('role', 'postgres', true)",
    "select query_to_xml('select set_config(''session_'' || ''authorization'', ''postgres'', false)', true, true, '')",
    "create temporary table t (id int)",
    "create function pg_temp.climb() returns void language plpgsql as 'begin execute ''set session '' || ''authorization postgres''; end'",
  ])("aurora_app cannot climb: %s", async (text) => {
    expect(await readSqlState(app.query(text))).toBe("42501");
    expect(await app`select session_user::text as who`).toEqual([{ who: "aurora_app" }]);
  });

  test("a climb that is only seen afterwards is undone and refused", async () => {
    // The owner may run blocks, and in a block any text can be put together.
    const climb = "do $$ begin execute 'set session ' || 'author' || 'ization postgres'; end $$";
    const work = owner.transaction([owner.query(climb), owner`create role smuggled superuser`]);
    expect(await readSqlState(work)).toBe("42501");
    expect(await owner`select 1 from pg_roles where rolname = 'smuggled'`).toEqual([]);
    expect(await owner`select session_user::text as who`).toEqual([{ who: "aurora_owner" }]);
  });

  test("a role taken on in one request is gone in the next", async () => {
    const admin = connectDriver(postgres, postgres.adminUrl);
    const [, rows] = await admin.transaction([admin`set role aurora_owner`, admin`select current_user::text as who`]);
    expect(rows).toEqual([{ who: "aurora_owner" }]);
    expect(await admin`select current_user::text as who`).toEqual([{ who: "aurora_admin" }]);
  });

  test("set_config still sets what any role may set, and answers it", async () => {
    const [, , rows] = await app.transaction([
      app`select set_config('myapp.x', ${'it\'s \\ "odd"'}, true)`,
      app`select set_config('statement_timeout', '7s', true)`,
      app`select current_setting('myapp.x') as x, current_setting('statement_timeout') as timeout`,
    ]);
    expect(rows).toEqual([{ x: 'it\'s \\ "odd"', timeout: "7s" }]);
    expect(await readSqlState(app`select set_config('log_statement', 'all', true)`)).toBe("42501");
  });
});
