import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AUDIT_ACTIONS } from "../../../src/domain/audit-event.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** What puts an entry into the log, or makes the entry that is put there. */
const RECORDS =
  /\b(?:record|count|recordDeed|withDeeds|entryOf|countRefusal|recordRefusedConsent|raise)\s*\(|\bAuditEntry\b/;

function readFiles(folder: string): readonly string[] {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && entry.name !== "every-action.test.ts")
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
}

const recording = ["services", "middleware", "jobs", "workflows", "durable-objects"]
  .flatMap((folder) => readFiles(`src/${folder}`))
  .filter((source) => RECORDS.test(source));
const tests = readFiles("test");
const isIn = (sources: readonly string[], action: string) => sources.some((source) => source.includes(`"${action}"`));

test("every action of the contract is recorded somewhere", () => {
  expect(AUDIT_ACTIONS.filter((action) => !isIn(recording, action))).toEqual([]);
});

test.each(AUDIT_ACTIONS)("a test looks for %s", (action) => {
  expect(isIn(tests, action)).toBe(true);
});
