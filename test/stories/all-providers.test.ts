import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROVIDERS } from "../../src/providers/registry.ts";
import { type Stack, startStack } from "../support/stack.ts";

const DEMO = join(import.meta.dirname, "../../local/demo.mjs");
const LINE = /^(?<provider>[a-z]+)(?: by (?:consent|key))? +\S.*? +ok +(?:yes|–) +(?:yes|–) +\S/;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

async function playDemo(): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, [DEMO, "--all", "--state", stack.state], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [code] = await once(child, "close");
  return { code: Number(code), said };
}

test("every provider is connected, read, refreshed and ended, by documented calls alone", async () => {
  const { code, said } = await playDemo();
  expect([code, code === 0 ? "" : said]).toEqual([0, ""]);
  const played = said.split("\n").flatMap((line) => LINE.exec(line)?.groups?.["provider"] ?? []);
  const ids = [...PROVIDERS.map(({ id }) => id), "demo", "kubectl"];
  expect(ids.filter((id) => !played.includes(id))).toEqual([]);
  expect(said).toMatch(/\d+ calls, each of them documented\.\n$/);
});
