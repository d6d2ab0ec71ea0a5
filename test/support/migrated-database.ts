import { connectOverHttp } from "../../local/migrate/database.ts";
import { runMigrations } from "../../local/migrate/run-migrations.ts";
import { startPostgres } from "../../local/postgres/server.ts";
import { createDatabase, type Database } from "../../src/adapters/neon/database.ts";

/**
 * A migrated Postgres, reached as the Worker reaches it.
 *
 * @param upstream The admin URL of a real server to run on; absent = the embedded one, in memory.
 */
export async function startMigratedDatabase(
  upstream?: string,
): Promise<{ database: Database; stop: () => Promise<void> }> {
  const passwords = { appPassword: "app-of-a-test", ownerPassword: "owner-of-a-test" };
  const postgres = await startPostgres({ port: 0, dataDir: null, upstream, ...passwords });
  const endpoint = `${postgres.address}/sql`;
  await runMigrations(connectOverHttp(postgres.adminUrl, endpoint), passwords);
  return { database: createDatabase(postgres.appUrl, endpoint), stop: () => postgres.stop() };
}
