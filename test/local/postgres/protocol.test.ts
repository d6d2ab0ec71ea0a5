import type { NeonQueryFunction } from "@neondatabase/serverless";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningPostgres, startPostgres } from "../../../local/postgres/server.ts";
import { findPostgres, type RealPostgres, startRealPostgres } from "../../support/real-postgres.ts";
import { connectDriver, post, readSqlState } from "./driver.ts";

const TARGETS = findPostgres() === null ? ["PGlite"] : ["PGlite", "PostgreSQL"];
if (TARGETS.length === 1) console.log("skipped: no PostgreSQL server is installed, so the gateway is not tried");

describe.each(TARGETS)("Neon's HTTP protocol before %s", (target) => {
  let server: RealPostgres | null = null;
  let postgres: RunningPostgres;
  let sql: NeonQueryFunction<false, false>;
  beforeAll(async () => {
    server = target === "PGlite" ? null : await startRealPostgres();
    postgres = await startPostgres({ port: 0, dataDir: null, upstream: server?.adminUrl });
    sql = connectDriver(postgres, postgres.adminUrl);
    await sql`create table things (id int primary key, name text unique)`;
  });
  afterAll(async () => {
    await postgres?.stop();
    await server?.stop();
  });

  test("values reach the driver as text, and it parses them", async () => {
    const [row] = await sql`select 1::int as i, 9007199254740993::bigint as big, true as yes, null as nothing,
      '{"a":[1]}'::jsonb as j, array['x','y']::text[] as list, ${"2026-11-22T10:00:00Z"}::timestamptz as at, 1.50::numeric as n`;
    expect(row).toEqual({
      i: 1,
      big: "9007199254740993",
      yes: true,
      nothing: null,
      j: { a: [1] },
      list: ["x", "y"],
      at: new Date("2026-11-22T10:00:00Z"),
      n: "1.50",
    });
  });

  test("parameters of every kind arrive", async () => {
    const [row] = await sql`select ${"it's"}::text as t, ${null}::text as nothing, ${42}::int as n, ${true}::bool as b,
      ${{ a: 1 }}::jsonb as j, ${["a", 'b"c']}::text[] as list, ${new Date(0)}::timestamptz as at`;
    expect(row).toEqual({ t: "it's", nothing: null, n: 42, b: true, j: { a: 1 }, list: ["a", 'b"c'], at: new Date(0) });
  });

  test("full results carry fields, command and count", async () => {
    const result = await sql.query("insert into things values ($1, 'x'), ($2, 'y') returning id", ["1", "2"], {
      fullResults: true,
    });
    expect(result).toMatchObject({
      command: "INSERT",
      rowCount: 2,
      fields: [{ name: "id", dataTypeID: 23, format: "text" }],
    });
  });

  test("array mode answers lists, and keeps columns of one name apart", async () => {
    expect(await sql.query("select 1 as a, 2 as a", [], { arrayMode: true })).toEqual([[1, 2]]);
  });

  test("a setting made in a batch is there for its other statements, and gone for the next request", async () => {
    const [, inside] = await sql.transaction([
      sql`select set_config('myapp.current_user_id', ${"usr_1"}, true)`,
      sql`select current_setting('myapp.current_user_id', true) as id`,
    ]);
    expect(inside).toEqual([{ id: "usr_1" }]);
    const [after] = await sql`select nullif(current_setting('myapp.current_user_id', true), '') as id`;
    expect(after).toEqual({ id: null });
  });

  test("a setting made for the whole session is gone for the next request as well", async () => {
    await sql`select set_config('myapp.current_user_id', 'usr_1', false)`;
    await sql`set statement_timeout to 12345`;
    const [after] = await sql`select nullif(current_setting('myapp.current_user_id', true), '') as id,
      current_setting('statement_timeout') as timeout`;
    expect(after).toEqual({ id: null, timeout: "0" });
  });

  test("a batch that fails leaves nothing", async () => {
    const batch = sql.transaction([
      sql`insert into things values (7, 'seven')`,
      sql`insert into things values (7, 'again')`,
    ]);
    expect(await readSqlState(batch)).toBe("23505");
    expect(await sql`select id from things where id = 7`).toEqual([]);
  });

  test("an error carries what the driver reads from it", async () => {
    await sql`insert into things values (8, 'eight')`;
    await expect(sql`insert into things values (8, 'again')`).rejects.toMatchObject({
      name: "NeonDbError",
      severity: "ERROR",
      code: "23505",
      detail: "Key (id)=(8) already exists.",
      schema: "public",
      table: "things",
      constraint: "things_pkey",
    });
    await expect(sql`select nothing`).rejects.toMatchObject({ code: "42703", position: "8" });
  });

  test("isolation, read-only and deferrable hold for the batch", async () => {
    const options = { isolationLevel: "Serializable", readOnly: true, deferrable: true } as const;
    const modes = ["transaction_isolation", "transaction_read_only", "transaction_deferrable"];
    const rows = await sql.transaction(
      modes.map((mode) => sql`select current_setting(${mode}) as value`),
      options,
    );
    expect(rows.flat().map((row) => row["value"])).toEqual(["serializable", "on", "on"]);
    expect(await readSqlState(sql.transaction([sql`delete from things`], { readOnly: true }))).toBe("25006");
  });

  test("a single statement that fails leaves the connection usable", async () => {
    expect(await readSqlState(sql`select 1 / 0`)).toBe("22012");
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
  });

  test("many at once are all answered, each with its own", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => sql`select ${index}::int as n`));
    expect(answers.map(([row]) => row?.["n"])).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test("several statements in one text are refused", async () => {
    expect(await readSqlState(sql.query("select 1; select 2"))).toBe("42601");
  });

  test("an empty batch and an empty statement are answered", async () => {
    expect(await sql.transaction([])).toEqual([]);
    expect(await sql.query("")).toEqual([]);
  });

  test.each([
    "begin",
    "commit",
    "/* x */ ROLLBACK",
    "savepoint a",
    "end",
    "start transaction",
    "abort",
    "-- x\ncommit",
  ])("%s is refused: a request is one transaction", async (text) => {
    expect(await readSqlState(sql.query(text))).toBe("2D000");
  });

  test("COPY is refused, and the server goes on", async () => {
    expect(await readSqlState(sql.query("copy things from stdin"))).toBe("0A000");
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
  });

  const headers = () => ({
    "Neon-Connection-String": postgres.adminUrl,
    "Neon-Raw-Text-Output": "true",
    "Neon-Array-Mode": "true",
  });

  test("the root answers like /sql, with raw text", async () => {
    const response = await post(postgres, "/", { query: "select 1 as one, null as none", params: [] }, headers());
    expect(await response.json()).toMatchObject({
      command: "SELECT",
      rowCount: 1,
      rowAsArray: true,
      rows: [["1", null]],
    });
  });

  test("without array mode rows are objects", async () => {
    const response = await post(
      postgres,
      "/sql",
      { query: "select 1 as one" },
      { ...headers(), "Neon-Array-Mode": "false" },
    );
    expect(await response.json()).toMatchObject({ rowAsArray: false, rows: [{ one: "1" }] });
  });

  test.each<[string, unknown, Record<string, string>, string]>([
    ["no connection string", { query: "select 1" }, { "Neon-Connection-String": "" }, "28000"],
    ["a connection string that is no URL", { query: "select 1" }, { "Neon-Connection-String": "x" }, "28000"],
    ["values that are not raw text", { query: "select 1" }, { "Neon-Raw-Text-Output": "false" }, "08P01"],
    ["a body that is no JSON", "{", {}, "08P01"],
    ["a body that is no object", "1", {}, "08P01"],
    ["no text", {}, {}, "08P01"],
    ["params that are no list", { query: "select 1", params: {} }, {}, "08P01"],
    ["a query that is no object", { queries: [1] }, {}, "08P01"],
    [
      "an unknown isolation level",
      { queries: [] },
      { "Neon-Batch-Isolation-Level": "Chaos; drop table things" },
      "08P01",
    ],
    ["a flag that is neither", { queries: [] }, { "Neon-Batch-Read-Only": "maybe" }, "08P01"],
  ])("%s is refused with 400", async (_what, body, change, code) => {
    const response = await post(postgres, "/sql", body, { ...headers(), ...change });
    expect([response.status, await response.json()]).toMatchObject([400, { code, severity: "ERROR" }]);
  });

  test("other paths and methods are not there", async () => {
    expect((await post(postgres, "/other", {})).status).toBe(404);
    expect((await fetch(`${postgres.address}/sql`)).status).toBe(404);
  });
});
