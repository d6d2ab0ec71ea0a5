// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the planted sources are texts.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { findContextlessStatements, listDefinerFunctions } from "./architecture/neon-rules.ts";
import { readSource } from "./architecture/read-source.ts";
import { type Files, findViolations, LAYERS, MAX_LINES, MAX_MEDIAN_LINES } from "./architecture/rules.ts";

const ROOT = new URL("../", import.meta.url).pathname;

function readFolder(folder: string): Files {
  const names = readdirSync(`${ROOT}${folder}`, { recursive: true, withFileTypes: true });
  const paths = names.filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`);
  const below = `${ROOT}${folder}/`;
  return Object.fromEntries(
    paths.map((path) => [path.replace("//", "/").slice(below.length), readFileSync(path, "utf8")]),
  );
}

const src = readFolder("src");
const definers = listDefinerFunctions(Object.values(readFolder("migrations")));
const standing = findViolations(src);
/** What is newly wrong when files are planted or replaced. */
const plant = (planted: Files) => findViolations({ ...src, ...planted }).filter((found) => !standing.includes(found));

describe("src", () => {
  test("was found: every layer that exists is a row of the table", () => {
    expect(Object.keys(src).length).toBeGreaterThan(150);
    const layers = new Set(Object.keys(src).map((path) => path.split("/")[0] ?? ""));
    expect([...layers].filter((layer) => LAYERS[layer] === undefined)).toEqual([]);
  });

  test("keeps every rule", () => {
    expect(standing).toEqual([]);
  });

  test("asks Postgres nothing outside a context but definer functions, and no context outlives its transaction", () => {
    expect(definers).toContain("prove_session");
    const neon = Object.fromEntries(Object.entries(src).filter(([path]) => path.startsWith("adapters/neon/")));
    expect(
      Object.values(neon)
        .join()
        .match(/\.\s*enter\s*\(/g)?.length,
    ).toBeGreaterThan(4);
    expect(findContextlessStatements(neon, definers)).toEqual([]);
  });

  test("names the database's driver in one file, and its entrance only in adapters/neon", () => {
    const using = (pattern: RegExp) => Object.keys(src).filter((path) => pattern.test(src[path] ?? ""));
    expect(using(/@neondatabase\/serverless/)).toEqual(["adapters/neon/database.ts"]);
    expect(using(/\bdatabase\s*\.\s*(?:as|enter)\s*\(/).filter((path) => !path.startsWith("adapters/neon/"))).toEqual(
      [],
    );
  });
});

describe("a planted violation is found:", () => {
  const service = "services/planted.ts";
  test.each<[string, string, string, string]>([
    [
      "an adapter in a service",
      service,
      'import { createSealer } from "../adapters/sealer.ts";',
      "imports ../adapters",
    ],
    [
      "a type of an adapter in a service",
      service,
      'import type { A } from "../adapters/jwt.ts";',
      "imports ../adapters",
    ],
    ["an import for effect", service, 'import "../adapters/jwt.ts";', "imports ../adapters/jwt.ts"],
    ["a dynamic import", service, 'await import("../adapters/jwt.ts");', "imports ../adapters/jwt.ts"],
    ["a type by import()", service, 'type A = import("../deps.ts").Deps;', "imports ../deps.ts"],
    ["a computed import", service, "await import(name);", "imports a computed path"],
    ["a re-export", service, 'export { a } from "../routes/auth.ts";\nconst b = 1;', "imports ../routes/auth.ts"],
    ["an import after a comment", service, '/* "x" */ import {\n  a, // b\n} from "hono";', "imports hono"],
    ["an import after a regular expression", service, 'const a = /["`]/;\nimport "hono";', "imports hono"],
    ["an import after a template", service, 'const a = `"${`x`}"`;\nimport "hono";', "imports hono"],
    ["a package in the domain", "domain/planted.ts", 'import { SignJWT } from "jose";', "imports jose"],
    [
      "a service in a provider",
      "providers/planted.ts",
      'import "../services/log-in.ts";',
      "imports ../services/log-in",
    ],
    ["env in a service", service, 'import { readEnv } from "../env.ts";', "imports ../env.ts"],
    ["bindings in a route", "routes/planted.ts", 'import type { B } from "../bindings.ts";', "imports ../bindings.ts"],
    ["deps.ts in a route", "routes/planted.ts", 'import { createDeps } from "../deps.ts";', "imports ../deps.ts"],
    ["the driver elsewhere", "adapters/neon/planted.ts", 'import "@neondatabase/serverless";', "imports @neondatabase"],
    ["two systems in an adapter", "adapters/kv/planted.ts", 'import "../vault/login.ts";', "imports ../vault/login.ts"],
    ["Hono in an object", "durable-objects/planted.ts", 'import { Hono } from "hono";', "imports hono"],
    [
      "objects in a job",
      "jobs/planted.ts",
      'import { DurableObject } from "cloudflare:workers";',
      "imports cloudflare",
    ],
    ["an adapter in the app", "app.ts", 'import "./adapters/jwt.ts";', "imports ./adapters/jwt.ts"],
    ["Node in a service", service, 'import { readFileSync } from "node:fs";', "imports node:fs"],
    ["a folder of no layer", "helpers/planted.ts", "const a = 1;", "is in no layer"],
    ["a root file of no layer", "planted.ts", "const a = 1;", "is in no layer"],
    ["a barrel", "domain/planted.ts", 'export * from "./ids.ts";\nexport { a } from "./time.ts";\n', "only re-exports"],
    ["a default export", "domain/planted.ts", "export default 1;", "has a default export"],
    ["a default export by name", "domain/planted.ts", "const a = 1;\nexport { a as default };", "has a default export"],
    ["a name in camel case", "domain/plantedFile.ts", "const a = 1;", "is not kebab-case"],
    ["a folder in camel case", "domain/myPorts/a.ts", "const a = 1;", "is not kebab-case"],
    ["process", service, "const a = process.env.A;", "takes process"],
    ["the global fetch", service, "await fetch(url);", "takes the global fetch"],
    ["fetch by globalThis", service, "await globalThis.fetch(url);", "takes the global fetch"],
    ["the clock", service, "const a = Date.now();", "takes the clock"],
    ["the clock as a date", service, "const a = new Date();", "takes the clock"],
    ["the clock as an argument", "durable-objects/planted.ts", "run({ nowMs: Date.now });", "takes the clock"],
    ["chance", "providers/planted.ts", "const a = Math.random();", "takes Math.random"],
    ["random bytes", service, "crypto.getRandomValues(a);", "takes random bytes"],
    ["the console", "adapters/planted.ts", "console.log(a);", "takes the console"],
    ["a timer", "routes/planted.ts", "setTimeout(a, 1);", "takes a timer"],
    [`${MAX_LINES + 1} lines`, service, "a;\n".repeat(MAX_LINES + 1), `has ${MAX_LINES + 1} lines`],
  ])("%s", (_, path, text, complaint) => {
    expect(plant({ [path]: text })).toEqual([expect.stringContaining(`${path} ${complaint}`)]);
  });

  test("a cycle, by types alone, over three files", () => {
    const cycle = {
      "domain/a.ts": 'import type { B } from "./b.ts";',
      "domain/b.ts": 'export type { C } from "./c.ts";\nconst b = 1;',
      "domain/c.ts": 'type A = import("./a.ts").A;',
    };
    expect(plant(cycle)).toEqual(["cycle: domain/a.ts → domain/b.ts → domain/c.ts → domain/a.ts"]);
  });

  test("files that are long on the whole", () => {
    const long = "a;\n".repeat(MAX_MEDIAN_LINES + 1);
    expect(findViolations({ "domain/a.ts": long, "domain/b.ts": long })).toHaveLength(1);
  });

  test.each([
    ["a table read without a context", "database.enter(sql`select * from users where email = ${e}`)"],
    ["a table joined to a definer function", "database.enter(sql`select * from find_login(${e}) join users on true`)"],
    ["a write without a context", "database.enter(sql`delete from sessions`)"],
    ["two statements in one", "database.enter(sql`select 1; select 2`)"],
    ["a function that is no definer", "database.enter(sql`select pg_sleep(${s})`)"],
    ["a statement in a variable", "const proof = sql`select * from users`;\nawait database.enter(proof)"],
    ["a statement built elsewhere", "await database.enter(build(users))"],
    ["a context that stays", "sql`select set_config('myapp.current_user_id', ${id}, false)`"],
  ])("%s", (_, text) => {
    expect(findContextlessStatements({ "adapters/neon/planted.ts": text }, definers)).toHaveLength(1);
  });
});

describe("what only looks like a violation is none:", () => {
  test.each([
    ["a comment", '// import "hono";\n/* Date.now() */ const a = 1;'],
    ["a text", `const a = 'import "hono"; process.env';`],
    ["a template", "const a = `import 'hono'; Date.now()`;"],
    ["a method of that name", "a.fetch(b); deps.process.run(); const fetch = 1;"],
    ["a date from a number", "const a = new Date(seconds * 1000);"],
  ])("%s", (_, text) => {
    expect(plant({ "services/planted.ts": text })).toEqual([]);
  });

  test("an import inside a text is not read as one", () => {
    expect(readSource("const a = \"import 'x'\"; export const b = `from ${a}`;").imports).toEqual([]);
  });
});
