import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CONTEXTS, MATRIX, REFUSED, SEED } from "./access-matrix.ts";
import { type MigratedDatabase, runAs, TARGETS } from "./database-targets.ts";

const VERBS = ["select", "insert", "update", "delete"] as const;

/** One line of the matrix per verb and context, worded. */
const CASES = MATRIX.flatMap((entry) =>
  VERBS.flatMap((verb) =>
    CONTEXTS.map(({ name, context }, index) => {
      const [sql, expected] = entry[verb];
      return {
        verb,
        who: name,
        context,
        sql,
        table: entry.table,
        row: entry.row,
        expected: expected[index] ?? REFUSED,
      };
    }),
  ),
);

describe.each(TARGETS)("row-level security on $name", (target) => {
  let database: MigratedDatabase;
  let fresh = 100;
  beforeAll(async () => {
    database = await target.start();
    await database.owner.query(SEED.map((text) => ({ text })));
  });
  afterAll(() => database?.stop());

  test.each(CASES)("$verb of $row by $who: $expected", async ({ sql, context, expected }) => {
    fresh += 1;
    const rows = runAs(database.app, context, sql.replaceAll("%d", String(fresh)));
    const met = await rows.then(
      (list) => list.length,
      (error: { code?: string }) => error.code,
    );
    expect(met).toBe(expected);
  });

  test("every table has row-level security enabled and forced", async () => {
    const [open] = await database.owner.query([
      {
        text: `select relname from pg_class
          where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace and not (relrowsecurity and relforcerowsecurity)`,
      },
    ]);
    expect(open).toEqual([]);
  });

  test("every table is in the matrix", async () => {
    const text = "select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace";
    const [tables = []] = await database.owner.query([{ text }]);
    const known = new Set(MATRIX.map(({ table }) => table));
    expect(tables.map((row) => String(row["relname"])).sort()).toEqual([...known].sort());
  });

  test("nothing but tables and indexes holds rows: no view gets round the policies", async () => {
    const text =
      "select relname from pg_class where relkind in ('v', 'm', 'f') and relnamespace = 'public'::regnamespace";
    expect(await database.owner.query([{ text }])).toEqual([[]]);
  });

  test("every policy is for aurora_app or the owner, never for everybody", async () => {
    const text = `select policyname from pg_policies where schemaname = 'public'
      and roles not in ('{aurora_app}', '{aurora_owner}')`;
    expect(await database.owner.query([{ text }])).toEqual([[]]);
  });
});
