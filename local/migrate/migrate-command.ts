import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { connectOverHttp } from "./database.ts";
import { runMigrations } from "./run-migrations.ts";

const HINT = "in the environment or in .dev.vars";

/**
 * `npm run migrate`: applies what is missing and prints a line for each, or `up to date`.
 *
 * @param devVarsFile Read where the environment does not say; may be absent.
 * @throws Error in one sentence when a setting is missing or a migration fails.
 */
export async function migrateFromSettings(
  environment: Readonly<Record<string, string | undefined>>,
  devVarsFile: string,
  print: (line: string) => void,
): Promise<void> {
  const settings = { ...readDevVars(devVarsFile), ...environment };
  const adminUrl = settings["DATABASE_ADMIN_URL"];
  if (!adminUrl) throw new Error(`Set DATABASE_ADMIN_URL ${HINT}: a role that may create roles.`);
  const appPassword = readAppPassword(settings["DATABASE_URL"]);
  const applied = await runMigrations(connectOverHttp(adminUrl, settings["DATABASE_HTTP_URL"] || null), {
    appPassword,
  });
  if (applied.length === 0) print("up to date");
  for (const name of applied) print(`applied ${name}`);
}

/** The Worker's own URL says which password its role gets: the two cannot differ. */
function readAppPassword(appUrl: string | undefined): string {
  if (!appUrl || !URL.canParse(appUrl)) throw new Error(`Set DATABASE_URL ${HINT}: the URL the Worker will use.`);
  const { username, password } = new URL(appUrl);
  if (username !== "aurora_app")
    throw new Error("DATABASE_URL must name the role aurora_app: the Worker uses no other.");
  if (password === "") throw new Error("DATABASE_URL needs a password: the role aurora_app is given it.");
  return decodeURIComponent(password);
}

function readDevVars(file: string): Readonly<Record<string, string | undefined>> {
  try {
    return parseEnv(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw new Error(`${file} cannot be read.`);
  }
}
