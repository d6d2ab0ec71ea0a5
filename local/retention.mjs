import { fileURLToPath } from "node:url";
import { runRetentionCommand } from "./retention-command.ts";

// `npm run retention`: lets the running stack purge what is due now. With `--dry-run`: shows what is due, anywhere.

const root = fileURLToPath(new URL("../", import.meta.url));
const directory = process.env["INIT_CWD"] ?? process.cwd();
const [, , ...args] = process.argv;

try {
  await runRetentionCommand({ args, environment: process.env, directory, root, print: (line) => console.log(line) });
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
