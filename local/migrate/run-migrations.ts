import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Database, readRefusal } from "./database.ts";
import { type Migration, readMigrations } from "./migration-files.ts";
import { BECOME_OWNER, ensureRoles, type RolePasswords } from "./roles.ts";

export interface MigrationOptions extends RolePasswords {
  /** Holds `NNNN_verb_noun.sql` files; the checkout's `migrations/` when absent. */
  readonly directory?: string | undefined;
}

const MIGRATIONS = join(dirname(fileURLToPath(import.meta.url)), "../../migrations");

/** SQLSTATE unique_violation. */
const UNIQUE_VIOLATION = "23505";

/**
 * Brings a database to the newest schema: the roles, then every migration it lacks, each in one transaction.
 *
 * Safe to run twice, and by two at once: a migration writes its own journal row first, so that the second runner waits
 * for the first and then goes on with the next.
 *
 * @param database See `connectOverHttp`. Its role must be able to create roles.
 * @returns the names of what this run applied; empty when the database was up to date.
 * @throws Error in one sentence: a migration failed (nothing of it stays), or was edited after it was applied.
 */
export async function runMigrations(database: Database, options: MigrationOptions): Promise<readonly string[]> {
  const migrations = readMigrations(options.directory ?? MIGRATIONS);
  await ensureRoles(database, options);
  const applied: string[] = [];
  let journal = await readJournal(database);
  requireUnchanged(migrations, journal);
  for (const migration of migrations) {
    if (journal.has(migration.name)) continue;
    if (await applyMigration(database, migration)) {
      applied.push(migration.name);
      continue;
    }
    // Another runner was first. What it applied must be what we have.
    journal = await readJournal(database);
    requireUnchanged(migrations, journal);
  }
  return applied;
}

async function readJournal(database: Database): Promise<ReadonlyMap<string, string>> {
  const text = "select name, checksum from public.schema_migrations";
  const [, rows] = await database.query([BECOME_OWNER, { text }]);
  return new Map((rows ?? []).map((row) => [String(row["name"]), String(row["checksum"])]));
}

function requireUnchanged(migrations: readonly Migration[], journal: ReadonlyMap<string, string>): void {
  for (const { name, checksum } of migrations) {
    if ((journal.get(name) ?? checksum) === checksum) continue;
    throw new Error(`The migration ${name} was edited after it was applied: undo the edit, and write a new one.`);
  }
}

/** False when another runner has applied it. */
async function applyMigration(database: Database, { name, checksum, statements }: Migration): Promise<boolean> {
  const note = {
    text: "insert into public.schema_migrations (name, checksum) values ($1, $2)",
    params: [name, checksum],
  };
  try {
    await database.query([BECOME_OWNER, note, ...statements.map((text) => ({ text }))]);
    return true;
  } catch (error) {
    const refusal = readRefusal(error);
    if (refusal?.code === UNIQUE_VIOLATION && refusal.constraint === "schema_migrations_pkey") return false;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The migration ${name} failed, and nothing of it stays: ${reason}`);
  }
}
