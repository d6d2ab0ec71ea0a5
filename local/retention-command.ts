import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AUDIT_RETENTION_DAYS, type RetentionLine } from "../src/domain/retention.ts";
import { integer } from "../src/setting-parsers.ts";
import { type RetentionDatabase, readPlan } from "./retention-database.ts";
import { parseRetentionFlags } from "./retention-flags.ts";
import { countByKind, formatPlan } from "./retention-table.ts";
import { DAILY_CRON } from "./stack/cron.ts";
import { readGivenSettings } from "./stack/settings.ts";

export interface RetentionCommand {
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Where relative paths start from. */
  readonly directory: string;
  /** The checkout. */
  readonly root: string;
  readonly print: (line: string) => void;
}

/** What a running stack says of itself. */
interface RunningStack {
  readonly worker: string;
  readonly database: RetentionDatabase;
}

const PRODUCTION =
  `in production the Cron Trigger "${DAILY_CRON}" of wrangler.toml does this every day, and ` +
  "npx wrangler tail shows what it did; --dry-run with the DATABASE_URL of a deployment shows what is due there.";
/** As long as a run may take. */
const RUN_TIMEOUT_MS = 900_000;
const LOOK_TIMEOUT_MS = 3_000;

/**
 * `npm run retention`: shows what is due and, unless `--dry-run`, lets the Worker of the running stack purge it.
 *
 * @throws Error in one sentence.
 */
export async function runRetentionCommand({ args, environment, directory, root, print }: RetentionCommand) {
  const { isDryRun, state } = parseRetentionFlags(args, directory, root);
  const given = readGivenSettings(environment["DEV_VARS_FILE"] ?? join(root, ".dev.vars"), environment);
  const auditDays = readAuditDays(given);
  const stack = await findStack(state);
  if (!isDryRun) {
    if (stack === null) throw new Error(`No stack is running on ${state}: start one with npm start; ${PRODUCTION}`);
    return await purge(stack, auditDays, print);
  }
  const database = chooseDatabase(given, stack);
  if (database === null) {
    throw new Error(`No stack is running on ${state}, and DATABASE_URL is not set: start one, or say which database.`);
  }
  const plan = await readPlan(database, auditDays);
  for (const line of plan.length === 0 ? [] : formatPlan(plan)) print(line);
  print(plan.length === 0 ? "Nothing is due." : `${sum(plan)} due; nothing was deleted.`);
}

/** As the Worker reads it: empty counts as unset. */
function readAuditDays(given: Readonly<Record<string, string>>): number {
  const { default: usual, min, max } = AUDIT_RETENTION_DAYS;
  const days = integer(min, max)
    .default(usual)
    .safeParse(given["AUDIT_RETENTION_DAYS"] || undefined);
  if (!days.success) throw new Error(`AUDIT_RETENTION_DAYS ${days.error.issues[0]?.message}.`);
  return days.data;
}

/** A database that was named, or else the stack's own. */
function chooseDatabase(given: Readonly<Record<string, string>>, stack: RunningStack | null): RetentionDatabase | null {
  const url = given["DATABASE_URL"];
  if (url === undefined || url === stack?.database.url) return stack?.database ?? null;
  return { url, httpUrl: given["DATABASE_HTTP_URL"] ?? null };
}

/** Fires the daily cron of the stack, as Cloudflare would, and compares what is due before and after. */
async function purge(
  { worker, database }: RunningStack,
  auditDays: number,
  print: (line: string) => void,
): Promise<void> {
  const before = await readPlan(database, auditDays);
  for (const line of before.length === 0 ? [] : formatPlan(before)) print(line);
  await fireDailyCron(worker);
  const left = countByKind(await readPlan(database, auditDays));
  if (before.length === 0) print("Nothing was due.");
  for (const [kind, count] of countByKind(before)) {
    const rest = left.get(kind) ?? 0;
    print(`${kind}: ${count - rest} purged${rest === 0 ? "" : `, ${rest} left for the next run`}`);
  }
}

async function fireDailyCron(worker: string): Promise<void> {
  const query = new URLSearchParams({ cron: DAILY_CRON });
  const url = `${worker}/cdn-cgi/local/scheduled?${query}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(RUN_TIMEOUT_MS) }).catch(() => null);
  if (response?.ok !== true) {
    throw new Error("The Worker could not do it all: its log says why, and the next run goes on with what is left.");
  }
}

/** The stack whose state that is, while its Worker answers; null otherwise. */
async function findStack(state: string): Promise<RunningStack | null> {
  const endpoints = readEndpoints(join(state, "endpoints.json"));
  const { worker, app_url: url, postgres } = endpoints;
  if (worker == null || url == null) return null;
  const signal = AbortSignal.timeout(LOOK_TIMEOUT_MS);
  const answer = await fetch(`${worker}/health/liveness`, { signal }).catch(() => null);
  if (answer?.ok !== true) return null;
  return { worker, database: { url, httpUrl: postgres == null ? null : `${postgres}/sql` } };
}

/** What the last start left there, which may have ended since. */
function readEndpoints(file: string): Readonly<Record<string, string | null>> {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {};
  }
}

function sum(plan: readonly RetentionLine[]): number {
  return plan.reduce((total, { count }) => total + count, 0);
}
