import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { StartError } from "./start-error.ts";

/** What `npm start -- …` was asked for. */
export interface Flags {
  readonly port: number;
  /** Absolute path of the state directory. */
  readonly state: string;
  /** Real providers: the sandbox is left out. */
  readonly live: boolean;
  /** Migrate a real database too; the embedded one always is. */
  readonly migrate: boolean;
}

const DEFAULT_PORT = 8787;
const MAX_PORT = 65_535;
const USAGE = "npm start takes --port N, --state DIR, --live and --migrate";

/**
 * @param directory Where a relative `--state` starts from.
 * @param root      The checkout, where `.local/` is by default.
 * @throws StartError when a flag is unknown or its value is wrong.
 */
export function parseFlags(args: readonly string[], directory: string, root: string): Flags {
  const { port, state, live, migrate } = readArgs(args);
  return {
    port: port === undefined ? DEFAULT_PORT : parsePort(port),
    state: state === undefined ? resolve(root, ".local") : resolve(directory, state),
    live: live === true,
    migrate: migrate === true,
  };
}

function readArgs(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: "string" },
        state: { type: "string" },
        live: { type: "boolean" },
        migrate: { type: "boolean" },
      },
    }).values;
  } catch {
    throw new StartError(`${USAGE}; this was not understood: ${args.join(" ")}`);
  }
}

function parsePort(raw: string): number {
  const port = Number(raw);
  if (/^\d{1,5}$/.test(raw) && port >= 1 && port <= MAX_PORT) return port;
  throw new StartError(`--port must be a number from 1 to ${MAX_PORT}, not ${raw}.`);
}
