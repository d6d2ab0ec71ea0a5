import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { splitStatements } from "./split-statements.ts";

/** One file of `migrations/`. */
export interface Migration {
  /** The file's name, e.g. `0001_create_context.sql`. */
  readonly name: string;
  /** SHA-256 (hex) of its text, whatever its line ends: tells whether it was edited after it was applied. */
  readonly checksum: string;
  readonly statements: readonly string[];
}

const NAME = /^\d{4}_[a-z0-9]+(?:_[a-z0-9]+)+\.sql$/;

/**
 * The migrations in `directory`, in the order of their numbers.
 *
 * @throws Error in one sentence for a name that is not `NNNN_verb_noun.sql`, a number used twice, or a text that ends
 *   inside a quote.
 */
export function readMigrations(directory: string): readonly Migration[] {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith(".sql"))
    .sort();
  for (const [index, name] of names.entries()) {
    if (!NAME.test(name)) throw new Error(`The migration ${name} is not named NNNN_verb_noun.sql.`);
    if (name.slice(0, 4) === names[index + 1]?.slice(0, 4))
      throw new Error(`Two migrations are numbered ${name.slice(0, 4)}.`);
  }
  return names.map((name) => readMigration(directory, name));
}

function readMigration(directory: string, name: string): Migration {
  const text = readFileSync(join(directory, name), "utf8").replaceAll("\r\n", "\n");
  try {
    const checksum = createHash("sha256").update(text).digest("hex");
    return { name, checksum, statements: splitStatements(text) };
  } catch (error) {
    throw new Error(`The migration ${name} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}
