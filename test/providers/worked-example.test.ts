import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Provider } from "../../src/providers/provider.ts";
import { PROVIDERS } from "../../src/providers/registry.ts";
import type { Row } from "./contract-row.ts";
import { KEY_ROWS, notWords, UNKNOWN_FIELD } from "./key-rows.ts";
import { json, scripted } from "./scripted-upstream.ts";

/** What CONTRIBUTING.md promises: a provider is at most this long. */
const MAX_LINES = 60;
const KEY = "acme-key-1";

const readText = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url).href), "utf8");

/** The pieces of code of the section "Add a provider", in order, without the list's indentation. */
function readExamples(): readonly string[] {
  const section = /^## Add a provider$([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(readText("CONTRIBUTING.md"))?.[1] ?? "";
  const blocks = [...section.matchAll(/^( *)```ts\n([\s\S]*?)^\1```$/gm)];
  return blocks.map(([, indentation = "", code = ""]) => code.replaceAll(new RegExp(`^${indentation}`, "gm"), ""));
}

/** The same source with imports that hold from anywhere. */
function makePortable(source: string): string {
  const inProviders = new URL("../../src/providers/acme.ts", import.meta.url);
  return source
    .replaceAll(/from "(\.[^"]+)"/g, (_, path: string) => `from "${new URL(path, inProviders)}"`)
    .replaceAll(/from "([a-z][a-z0-9-]*)"/g, (_, name: string) => `from "${import.meta.resolve(name)}"`);
}

describe("the worked example of CONTRIBUTING.md", () => {
  const [source = "", registryLine = "", testEntry = ""] = readExamples();
  let folder = "";
  let acme: Provider;
  let row: Row;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "worked-example-"));
    const file = join(folder, "acme.ts");
    writeFileSync(file, makePortable(source));
    acme = ((await import(/* @vite-ignore */ pathToFileURL(file).href)) as { acme: Provider }).acme;
    const build = new Function("notWords", "UNKNOWN_FIELD", `return [${testEntry}][0];`);
    row = build(notWords, UNKNOWN_FIELD);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const connect = (...answers: (Response | Error)[]) => {
    const { context, sent } = scripted(...answers);
    return { sent, acquired: Promise.resolve(acme.connect?.({ api_key: KEY }, context)) };
  };

  test("is a whole provider file of at most sixty lines", () => {
    expect(source.trimEnd().split("\n").length).toBeLessThanOrEqual(MAX_LINES);
    expect(acme).toMatchObject({ id: "acme", kind: "api_key", apiHosts: ["api.acme.example"], exposes: ["api_key"] });
    expect(PROVIDERS.map(({ id }) => id)).not.toContain("acme");
  });

  test("costs one line of the registry and one row that leaves no cell out", () => {
    expect(registryLine.trim()).toBe("acme,");
    const [known] = KEY_ROWS;
    expect(Object.keys(row).sort()).toEqual(Object.keys(known ?? {}).sort());
    const good = { api_key: KEY };
    for (const change of [...Object.values(row.malformed), {}]) {
      expect(acme.credentials?.safeParse({ ...good, ...change }).success).toBe(Object.keys(change).length === 0);
    }
    expect(Object.keys(row.wrong)).not.toEqual([]);
  });

  test("connects a key that Acme accepts, by one call that carries it", async () => {
    const { sent, acquired } = connect(json({ account_id: "acme-1", name: "Sandbox" }));
    expect(await acquired).toEqual({
      secret: { api_key: KEY },
      account: "acme-1",
      upstreamAccount: null,
      scopes: [],
      metadata: { name: "Sandbox" },
    });
    expect(sent.map(({ method, url }) => `${method} ${url.replace("https://", "")} 200`)).toEqual(row.calls);
    expect(sent[0]?.headers.get("authorization")).toBe(`Bearer ${KEY}`);
  });

  test.each([
    ["a refused key", json({ error: KEY }, 401), "provider_rejected"],
    ["an answer that names nobody", json({}), "provider_rejected"],
    ["an outage", json({ error: KEY }, 500), "provider_unavailable"],
  ])("%s connects nothing, and the refusal does not quote the key", async (_what, answer, code) => {
    const failure: unknown = await connect(answer).acquired.catch((error: unknown) => error);
    expect(failure).toMatchObject({ code, message: expect.not.stringContaining(KEY) });
  });

  test("takes nothing but its key", () => {
    expect(acme.credentials?.safeParse({ api_key: KEY }).success).toBe(true);
    expect(acme.credentials?.safeParse({ api_key: KEY, colour: "red" }).success).toBe(false);
    expect(acme.credentials?.safeParse({ api_key: "two words" }).success).toBe(false);
  });
});

test.each(PROVIDERS.map(({ id, kind }) => [id, kind]))("docs/providers.md lists %s, with a section", (id, kind) => {
  const page = readText("docs/providers.md");
  expect(page).toContain(`\n| \`${id}\` | \`${kind}\` |`);
  expect(page).toMatch(new RegExp(`^## .*\\(\`${id}\`\\)$`, "m"));
});

test.each(PROVIDERS.map(({ id }) => id))("%s is one file of at most sixty lines, or says why it is not", (id) => {
  const source = readText(`src/providers/${id}.ts`);
  const lines = source.trimEnd().split("\n").length;
  expect(source).toMatch(new RegExp(`^export const ${id}\\b`, "m"));
  if (lines > MAX_LINES) expect(source).toMatch(/^ \* Over sixty lines: .+\.$/m);
});
