import { resolve } from "node:path";
import { parseArgs } from "node:util";

export interface RetentionFlags {
  readonly isDryRun: boolean;
  /** Absolute path of the stack's state directory. */
  readonly state: string;
}

/**
 * @param directory Where a relative `--state` starts from.
 * @param root      The checkout, where `.local/` is by default.
 * @throws Error in one sentence when a flag is unknown.
 */
export function parseRetentionFlags(args: readonly string[], directory: string, root: string): RetentionFlags {
  try {
    const options = { "dry-run": { type: "boolean" }, state: { type: "string" } } as const;
    const { "dry-run": isDryRun = false, state } = parseArgs({ args: [...args], options }).values;
    return { isDryRun, state: state === undefined ? resolve(root, ".local") : resolve(directory, state) };
  } catch {
    throw new Error(`npm run retention takes --dry-run and --state DIR; this was not understood: ${args.join(" ")}`);
  }
}
