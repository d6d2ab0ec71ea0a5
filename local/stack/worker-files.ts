import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatDevVars, type Settings } from "./settings.ts";
import { StartError } from "./start-error.ts";
import type { StateDirectory } from "./state-directory.ts";

/**
 * Writes what `wrangler dev` reads: the project's own wrangler.toml with an absolute `main`, and the settings
 * beside it. `--var` would show them in the list of processes and `--env-file` would expand `$`.
 *
 * @returns The configuration file.
 */
export function writeWorkerFiles(directory: StateDirectory, root: string, settings: Settings): string {
  const file = join(directory.run, "wrangler.toml");
  const toml = readFileSync(join(root, "wrangler.toml"), "utf8");
  const absolute = toml.replace(/^main = "(.+)"$/m, (_, main: string) => `main = ${JSON.stringify(join(root, main))}`);
  if (absolute === toml) throw new StartError("wrangler.toml has no main; check the sources out again.");
  writeFileSync(file, absolute);
  writeFileSync(join(directory.run, ".dev.vars"), formatDevVars(settings), { mode: 0o600 });
  return file;
}
