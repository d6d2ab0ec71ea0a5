import { describe, expect, test } from "vitest";
import { removeComments, splitStatements } from "../../local/migrate/split-statements.ts";

describe("splitting SQL into statements", () => {
  test.each([
    ["statements end at semicolons", "select 1; select 2;", ["select 1", "select 2"]],
    ["the last semicolon may be absent", "select 1", ["select 1"]],
    ["empty statements are left out", ";; select 1 ;\n;", ["select 1"]],
    ["comments alone are no statement", "-- nothing; here\n/* nor; here */", []],
    ["a semicolon in a line comment ends nothing", "select 1 -- a; b\n, 2;", ["select 1 -- a; b\n, 2"]],
    ["a semicolon in a block comment ends nothing", "select /* ; /* ; */ ; */ 1;", ["select /* ; /* ; */ ; */ 1"]],
    ["a semicolon in a text ends nothing", "select ';', 'it''s;';", ["select ';', 'it''s;'"]],
    ["a backslash in a plain text is plain", "select '\\'; select 2", ["select '\\'", "select 2"]],
    ["a backslash in an escaped text hides the quote", "select e'\\';'; select 2", ["select e'\\';'", "select 2"]],
    ["a semicolon in a quoted name ends nothing", 'select 1 as "a;""b";', ['select 1 as "a;""b"']],
    ["a semicolon in a body ends nothing", "do $$ begin; end $$; select 2", ["do $$ begin; end $$", "select 2"]],
    ["tagged bodies hold other bodies", "do $a$ $b$;$b$ $$;$$ $a$;", ["do $a$ $b$;$b$ $$;$$ $a$"]],
    ["a parameter is no dollar quote", "select $1; select $2", ["select $1", "select $2"]],
    ["a dollar in a name is no dollar quote", "select a$b$; select c$b$", ["select a$b$", "select c$b$"]],
    ["a name that ends in e begins no escaped text", "select type'\\'; select 2", ["select type'\\'", "select 2"]],
    ["division and minus are no comments", "select 4 / 2 - 1; select 2", ["select 4 / 2 - 1", "select 2"]],
    ["a quote in a comment opens nothing", "-- it's\nselect 1;", ["-- it's\nselect 1"]],
  ])("%s", (_name, sql, expected) => {
    expect(splitStatements(sql)).toEqual(expected);
  });

  test.each(["select 'a", 'select "a', "select $$ a", "select /* /* */ a", "select e'a\\'"])("%s is refused", (sql) => {
    expect(() => splitStatements(sql)).toThrow(/is never closed\.$/);
  });

  test("comments are removed, and what looks like one in quotes is kept", () => {
    expect(removeComments("a/*x*/b '--' --c\nd")).toBe("a b '--'  \nd");
  });
});
