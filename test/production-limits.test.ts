import { readdirSync, readFileSync } from "node:fs";
import { createContext, Script } from "node:vm";
import { build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";

/** What Cloudflare refuses in production and workerd lets pass on one machine. */
const ROOT = new URL("../", import.meta.url).pathname;
/** @see https://developers.cloudflare.com/workers/runtime-apis/web-crypto/ */
const MAX_PBKDF2_ITERATIONS = 100_000;

const FORBIDDEN: readonly (readonly [string, RegExp])[] = [
  ["eval", /(?<![.\w$])eval\s*\(/],
  ["new Function", /\bnew\s+Function\b|(?<![.\w$])Function\s*\(|=\s*Function\s*;/],
  ["WebAssembly from bytes", /\bWebAssembly\s*\.\s*(?:compile|instantiate|Module)\b/],
  ["a timer that runs text", /\bset(?:Timeout|Interval)\s*\(\s*["'`]/],
];

/** Which of these `code` does, and PBKDF2 with more rounds than are allowed. */
function findForbidden(code: string): readonly string[] {
  const named = FORBIDDEN.filter(([, pattern]) => pattern.test(code)).map(([name]) => name);
  const rounds = [...code.matchAll(/["'`]PBKDF2["'`]/g)].filter(({ index }) => {
    const count = /\biterations:\s*([\d_]+)/.exec(code.slice(Math.max(0, index - 200), index + 200))?.[1];
    return count !== undefined && Number(count.replaceAll("_", "")) > MAX_PBKDF2_ITERATIONS;
  });
  return [...named, ...rounds.map(() => "PBKDF2 over 100,000 rounds")];
}

/** Runs code as the top level of a module and says what it reached for that is forbidden there. */
function runGlobalScope(code: string): readonly string[] {
  const reached: string[] = [];
  const trap = (name: string) => () => {
    reached.push(name);
    return 0;
  };
  const traps = ["fetch", "setTimeout", "setInterval", "setImmediate", "queueMicrotask"];
  const { subtle } = crypto;
  const platform = {
    ...Object.fromEntries(traps.map((name) => [name, trap(name)])),
    crypto: { subtle, getRandomValues: trap("getRandomValues"), randomUUID: trap("randomUUID") },
    scheduler: { wait: trap("scheduler.wait") },
    navigator: { userAgent: "Cloudflare-Workers" },
    ...{ URL, URLSearchParams, Headers, Request, Response, TextEncoder, TextDecoder, Blob, FormData, AbortController },
    ...{ AbortSignal, ReadableStream, TransformStream, WritableStream, Event, EventTarget, btoa, atob, console },
    module: { exports: {} },
    exports: {},
    require: () => ({ DurableObject: class {}, WorkerEntrypoint: class {}, WorkflowEntrypoint: class {} }),
  };
  const context = createContext(
    { ...platform, reachedMath: trap("Math.random"), reachedClock: trap("Date.now") },
    {
      codeGeneration: { strings: false, wasm: false },
    },
  );
  new Script(`Math.random = reachedMath; Date.now = reachedClock; globalThis.self = globalThis;`).runInContext(context);
  new Script(code).runInContext(context);
  return reached;
}

describe("a forbidden thing is found:", () => {
  test.each([
    ["eval", "eval(text)"],
    ["new Function", 'new Function("a", "return a")'],
    ["WebAssembly from bytes", "await WebAssembly.instantiate(bytes)"],
    ["a timer that runs text", 'setTimeout("go()", 1)'],
    ["PBKDF2 over 100,000 rounds", '({ name: "PBKDF2", salt, iterations: 200_000, hash })'],
  ])("%s", (name, code) => {
    expect(findForbidden(code)).toEqual([name]);
  });

  test.each([
    ["setTimeout", "const a = setTimeout(() => 1, 1);"],
    ["fetch", 'const a = fetch("https://example.com");'],
    ["getRandomValues", "const a = crypto.getRandomValues(new Uint8Array(8));"],
    ["Math.random", "class A { static seed = Math.random(); }"],
    ["Date.now", "const startedAt = Date.now();"],
  ])("%s at global scope", (name, code) => {
    expect(runGlobalScope(code)).toEqual([name]);
  });

  test("nothing in what production allows", () => {
    expect(findForbidden('({ name: "PBKDF2", iterations: 100_000 }); db.eval(a); this.Function = 1;')).toEqual([]);
    expect(runGlobalScope("const later = () => fetch(Date.now());")).toEqual([]);
  });
});

test("our source holds none of it", () => {
  const files = readdirSync(`${ROOT}src`, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(150);
  const found = files.flatMap(({ parentPath, name }) =>
    findForbidden(readFileSync(`${parentPath}/${name}`, "utf8")).map((what) => `${name}: ${what}`),
  );
  expect(found).toEqual([]);
});

describe("the bundle that is deployed", () => {
  let bundle: string;
  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: [`${ROOT}src/index.ts`],
      bundle: true,
      write: false,
      format: "cjs",
      platform: "browser",
      conditions: ["workerd", "worker", "browser"],
      external: ["cloudflare:*", "node:*"],
      jsx: "automatic",
      jsxImportSource: "hono/jsx",
      logLevel: "silent",
    });
    bundle = outputFiles[0]?.text ?? "";
  });

  test("holds our code and every dependency", () => {
    for (const name of ["ConnectionKeeper", "set_config", "NeonDbError", "bcrypt"]) expect(bundle).toContain(name);
  });

  test("does nothing production forbids, dependencies included", () => {
    // zod compiles parsers where it may, and asks first where it is: http-rules.test.ts shows that it does not in workerd.
    expect(bundle).toContain('userAgent?.includes("Cloudflare")');
    const withoutZod = bundle.replaceAll(
      /const F = Function;\s*(?=new F\(|const content = |const factoryCode = )/g,
      "",
    );
    expect(findForbidden(withoutZod)).toEqual([]);
  });

  test("starts no I/O and no timer, and takes no time and no chance, before a request", () => {
    expect(runGlobalScope(bundle)).toEqual([]);
  });
});
