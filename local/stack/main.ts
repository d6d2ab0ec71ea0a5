import { fileURLToPath } from "node:url";
import { parseFlags } from "./flags.ts";
import { startStack } from "./stack.ts";
import { describeFailure, StartError } from "./start-error.ts";

// What `npm start` becomes once everything is installed (local/start.mjs).

const root = fileURLToPath(new URL("../../", import.meta.url));
const cleanups: (() => Promise<void> | void)[] = [];
let isEnding = false;

/** Ends every part in reverse order of its start, then this process. */
async function end(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  for (const cleanup of cleanups.reverse()) {
    try {
      await cleanup();
    } catch (error) {
      // The others must still be ended.
      console.error(`While stopping: ${describeFailure(error)}`);
    }
  }
  process.exit(code);
}

function fail(error: unknown): void {
  if (isEnding) return;
  console.error(error instanceof StartError ? error.message : `Aurora Edge could not go on: ${describeFailure(error)}`);
  void end(1);
}

process.on("SIGTERM", () => void end(0));
process.on("SIGINT", () => void end(0));
process.on("SIGHUP", () => void end(0));
// local/start.mjs is gone, however it ended.
process.on("disconnect", () => void end(0));
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

try {
  const flags = parseFlags(process.argv.slice(2), process.env["INIT_CWD"] ?? process.cwd(), root);
  await startStack({ flags, root, onStop: (cleanup) => cleanups.push(cleanup), onFailure: fail });
} catch (error) {
  fail(error);
}
