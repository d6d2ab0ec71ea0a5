import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Deps } from "../src/services/deps.ts";

const source = readFileSync(join(import.meta.dirname, "../wrangler.toml"), "utf8");
const CRONS: readonly string[] = JSON.parse(/^crons = (\[.*\])$/m.exec(source)?.[1] ?? "[]");

/** Every port fails as a bug would, so that a job that was found is told from none. */
const failing = new Proxy({} as Deps, {
  get: () => new Proxy({}, { get: () => () => Promise.reject(new Error("a job ran")) }),
});

test.each(CRONS)("%s of wrangler.toml has its job", async (cron) => {
  await expect(runCron(cron, failing)).rejects.toThrow("a job ran");
});

test("an expression nobody registered is a mistake, and said to be one", async () => {
  expect(CRONS).toContain("17 3 * * *");
  await expect(runCron("0 0 1 1 *", failing)).rejects.toThrow("no job is registered");
});
