import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connectOverHttp, type Database } from "../../local/migrate/database.ts";
import { migrateFromSettings } from "../../local/migrate/migrate-command.ts";
import { runMigrations } from "../../local/migrate/run-migrations.ts";
import { type RunningPostgres, startPostgres } from "../../local/postgres/server.ts";

const PASSWORDS = { appPassword: "app", ownerPassword: "owner" } as const;

let postgres: RunningPostgres;
let admin: Database;
let owner: Database;
let directory: string;

beforeAll(async () => {
  postgres = await startPostgres({ port: 0, dataDir: null, ...PASSWORDS });
  admin = connectOverHttp(postgres.adminUrl, `${postgres.address}/sql`);
  owner = connectOverHttp(postgres.ownerUrl, `${postgres.address}/sql`);
});
afterAll(() => postgres.stop());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "aurora-migrations-"));
});
afterEach(async () => {
  rmSync(directory, { recursive: true });
  await owner.query(["two", "one", "schema_migrations"].map((table) => ({ text: `drop table if exists ${table}` })));
});

const write = (name: string, sql: string) => writeFileSync(join(directory, name), sql);
const run = () => runMigrations(admin, { directory, ...PASSWORDS });
const listTables = async () => {
  const [rows] = await owner.query([
    { text: "select tablename from pg_tables where schemaname = 'public' order by 1" },
  ]);
  return rows?.map((row) => row["tablename"]);
};

describe("running migrations", () => {
  test("each is applied once, in order", async () => {
    write("0002_create_two.sql", "create table two (id int references one (id));");
    write("0001_create_one.sql", "create table one (id int primary key);");
    expect(await run()).toEqual(["0001_create_one.sql", "0002_create_two.sql"]);
    expect(await run()).toEqual([]);
    write("0003_add_name.sql", "alter table one add name text;");
    expect(await run()).toEqual(["0003_add_name.sql"]);
  });

  test("two at once apply each of them once between them", async () => {
    write("0001_create_one.sql", "create table one (id int primary key);");
    write("0002_create_two.sql", "create table two (id int references one (id));");
    const applied = await Promise.all([run(), run(), run()]);
    expect(applied.flat().sort()).toEqual(["0001_create_one.sql", "0002_create_two.sql"]);
  });

  test("an applied migration that was edited is refused, and nothing new is applied", async () => {
    write("0001_create_one.sql", "create table one (id int);");
    await run();
    write("0001_create_one.sql", "create table one (id bigint);");
    write("0002_create_two.sql", "create table two (id int);");
    await expect(run()).rejects.toThrow("The migration 0001_create_one.sql was edited after it was applied");
    expect(await listTables()).not.toContain("two");
  });

  test("other line ends are no edit", async () => {
    write("0001_create_one.sql", "create table one (\nid int);");
    await run();
    write("0001_create_one.sql", "create table one (\r\nid int);");
    expect(await run()).toEqual([]);
  });

  test("a migration that fails leaves nothing, and keeps those before it", async () => {
    write("0001_create_one.sql", "create table one (id int primary key);");
    write("0002_create_two.sql", "create table two (id int); insert into one values (1), (1);");
    await expect(run()).rejects.toThrow("The migration 0002_create_two.sql failed, and nothing of it stays: duplicate");
    expect(await listTables()).toEqual(["one", "schema_migrations"]);
    write("0002_create_two.sql", "create table two (id int);");
    expect(await run()).toEqual(["0002_create_two.sql"]);
  });

  test.each([
    ["a name without a number", ["create_one.sql"], "is not named NNNN_verb_noun.sql"],
    ["a number used twice", ["0001_create_one.sql", "0001_create_two.sql"], "Two migrations are numbered 0001"],
  ])("%s is refused", async (_what, names, message) => {
    for (const name of names) write(name, "select 1;");
    await expect(run()).rejects.toThrow(message);
  });

  test("a text that never ends is refused by name", async () => {
    write("0001_create_one.sql", "select 'one;");
    await expect(run()).rejects.toThrow(
      "The migration 0001_create_one.sql cannot be read: A quoted text is never closed.",
    );
  });

  test("a role aurora_app that gets round row-level security is refused", async () => {
    await admin.query([{ text: "alter role aurora_app createdb" }]);
    await expect(run()).rejects.toThrow("The role aurora_app may get round row-level security");
    await admin.query([{ text: "alter role aurora_app nocreatedb" }]);
  });

  test("a role that may not create roles is refused by Postgres", async () => {
    const app = connectOverHttp(postgres.appUrl, `${postgres.address}/sql`);
    await expect(runMigrations(app, { directory, ...PASSWORDS })).rejects.toThrow("permission denied");
  });
});

describe("npm run migrate", () => {
  const command = async (settings: Record<string, string>) => {
    const lines: string[] = [];
    await migrateFromSettings(settings, join(directory, ".dev.vars"), (line) => lines.push(line));
    return lines;
  };
  const complete = () => ({
    DATABASE_ADMIN_URL: postgres.adminUrl,
    DATABASE_URL: postgres.appUrl,
    DATABASE_HTTP_URL: `${postgres.address}/sql`,
  });

  test("a line is printed for each, or that it is up to date, and .dev.vars fills in what the environment leaves out", async () => {
    const { DATABASE_ADMIN_URL, ...rest } = complete();
    write(".dev.vars", `DATABASE_ADMIN_URL='${DATABASE_ADMIN_URL}'\nDATABASE_URL='ignored'\n`);
    const files = readdirSync("migrations").sort();
    expect(await command(rest)).toEqual(files.map((name) => `applied ${name}`));
    expect(await command(rest)).toEqual(["up to date"]);
    const tables = (await listTables())?.filter((name) => name !== "schema_migrations") ?? [];
    await owner.query(tables.map((name) => ({ text: `drop table "${name}" cascade` })));
  });

  test.each([
    ["no admin URL", { DATABASE_ADMIN_URL: "" }, "Set DATABASE_ADMIN_URL"],
    ["no URL of the Worker", { DATABASE_URL: "" }, "Set DATABASE_URL"],
    ["another role for the Worker", { DATABASE_URL: "postgres://neondb_owner:x@h/d" }, "must name the role aurora_app"],
    ["no password for the Worker", { DATABASE_URL: "postgres://aurora_app@h/d" }, "needs a password"],
  ])("%s is refused in words", async (_what, change, message) => {
    await expect(command({ ...complete(), ...change })).rejects.toThrow(message);
  });
});
