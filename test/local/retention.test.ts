import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runRetentionCommand } from "../../local/retention-command.ts";
import { formatPlan } from "../../local/retention-table.ts";
import { DAILY_CRON } from "../../local/stack/cron.ts";
import type { RetentionLine } from "../../src/domain/retention.ts";
import { epochSeconds } from "../../src/domain/time.ts";
import { SEED, SELF, WORKSPACE } from "../migrations/access-matrix.ts";
import { type MigratedDatabase, makeId, runAs, TARGETS } from "../migrations/database-targets.ts";

const state = mkdtempSync(join(tmpdir(), "aurora-retention-"));
afterAll(() => rmSync(state, { recursive: true, force: true }));

/** What the command printed; its refusal is the caller's. */
async function run(args: readonly string[], environment: Record<string, string> = {}): Promise<readonly string[]> {
  const lines: string[] = [];
  await runRetentionCommand({
    ...{ args: ["--state", state, ...args], directory: state, root: state },
    environment: { DEV_VARS_FILE: "/dev/null", ...environment },
    print: (line) => void lines.push(line),
  });
  return lines;
}

describe.each(TARGETS)("a dry run on $name", (target) => {
  let database: MigratedDatabase;
  const count = async () => (await runAs(database.owner, null, "select id from sessions")).length;
  beforeAll(async () => {
    database = await target.start();
    for (const text of SEED) await runAs(database.owner, null, text);
  });
  afterAll(() => database?.stop());

  const named = (url = database.postgres.appUrl) => ({
    DATABASE_URL: url,
    DATABASE_HTTP_URL: `${database.postgres.address}/sql`,
  });

  test("says that nothing is due", async () => {
    expect(await run(["--dry-run"], named())).toEqual(["Nothing is due."]);
  });

  test("prints what is due, and deletes nothing", async () => {
    const ended = `'2026-01-02T03:04:05Z'`;
    await runAs(
      database.owner,
      null,
      `insert into sessions (id, user_id, workspace_id, expires_at)
        values ('${makeId("ses", "7")}', '${SELF}', '${WORKSPACE}', ${ended})`,
    );
    await runAs(database.owner, null, `update kubectl_tokens set revoked_at = ${ended}`);
    const before = await count();
    expect(await run(["--dry-run"], named())).toEqual([
      "kind            workspace                             count  oldest",
      `kubectl_tokens  ${WORKSPACE}      1  2026-01-02T03:04:05Z`,
      `sessions        ${WORKSPACE}      1  2026-01-02T03:04:05Z`,
      "2 due; nothing was deleted.",
    ]);
    expect(await count()).toBe(before);
  });

  test("is refused with a role that could see everything anyway", async () => {
    await expect(run(["--dry-run"], named(database.postgres.adminUrl))).rejects.toThrow("use aurora_app");
  });

  test("of a database without the migrations says so", async () => {
    await runAs(database.owner, null, "drop function plan_retention(integer)");
    await expect(run(["--dry-run"], named())).rejects.toThrow(/lacks migrations; run npm run migrate first/);
  });
});

describe("npm run retention", () => {
  test("without a stack says what does it in production", async () => {
    await expect(run([])).rejects.toThrow(/^No stack is running on .*npm start; in production the Cron Trigger "17 3/);
  });

  test("with the address of a stack that has ended is none either", async () => {
    const gone = { worker: "http://127.0.0.1:9", app_url: "postgres://aurora_app:x@127.0.0.1:9/x", postgres: null };
    writeFileSync(join(state, "endpoints.json"), JSON.stringify(gone));
    await expect(run([])).rejects.toThrow("No stack is running");
    await expect(run(["--dry-run"])).rejects.toThrow("DATABASE_URL is not set");
  });

  test.each([
    [["--dryrun"], /takes --dry-run and --state DIR; .*--dryrun$/],
    [["now"], /was not understood/],
  ])("%j is refused in one sentence", async (args, sentence) => {
    await expect(run(args)).rejects.toThrow(sentence);
  });

  test.each(["29", "3651", "a year", "30.5"])(
    "AUDIT_RETENTION_DAYS=%s is refused as the Worker refuses it",
    async (days) => {
      await expect(run(["--dry-run"], { AUDIT_RETENTION_DAYS: days })).rejects.toThrow(
        "AUDIT_RETENTION_DAYS must be a whole number from 30 to 3650.",
      );
    },
  );

  test.each([
    ["postgres://aurora_app:x@127.0.0.1:9/x", /^The database at 127\.0\.0\.1:9 cannot be asked: /],
    ["127.0.0.1", /must be a postgres:\/\/ URL/],
  ])("a dry run of %s fails in one sentence, without its password", async (url, sentence) => {
    await expect(run(["--dry-run"], { DATABASE_URL: url })).rejects.toThrow(sentence);
  });

  test("a table is as wide as what is in it", () => {
    const line = {
      kind: "users",
      workspaceId: "wsp_1",
      count: 1000,
      oldest: epochSeconds(0),
      olderThan: epochSeconds(1),
    };
    expect(formatPlan([line as RetentionLine])).toEqual([
      "kind   workspace  count  oldest",
      "users  wsp_1       1000  1970-01-01T00:00:00Z",
    ]);
  });
});

test("the daily cron is the one of wrangler.toml", () => {
  expect(readFileSync(join(import.meta.dirname, "../../wrangler.toml"), "utf8")).toContain(`"${DAILY_CRON}"`);
});
