import { connectOverHttp } from "../../local/migrate/database.ts";
import { runMigrations } from "../../local/migrate/run-migrations.ts";
import { startPostgres } from "../../local/postgres/server.ts";
import { createDatabase, type Database } from "../../src/adapters/neon/database.ts";
import { createSecret } from "../../src/domain/secret.ts";
import { createLogbook } from "./fake-logbook.ts";

export interface MigratedDatabase {
  readonly database: Database;
  /** Deletes a row, which the Worker's own role cannot. */
  readonly purge: (table: string, id: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/**
 * A migrated Postgres, reached as the Worker reaches it.
 *
 * @param upstream The admin URL of a real server to run on; absent = the embedded one, in memory.
 */
export async function startMigratedDatabase(upstream?: string): Promise<MigratedDatabase> {
  const passwords = { appPassword: "app-of-a-test", ownerPassword: "owner-of-a-test" };
  const postgres = await startPostgres({ port: 0, dataDir: null, upstream, ...passwords });
  const endpoint = `${postgres.address}/sql`;
  await runMigrations(connectOverHttp(postgres.adminUrl, endpoint), passwords);
  const owner = connectOverHttp(postgres.ownerUrl, endpoint);
  return {
    database: createDatabase(createSecret(postgres.appUrl), endpoint, createLogbook()),
    purge: async (table, id) =>
      void (await owner.query([{ text: `delete from ${table} where id = $1`, params: [id] }])),
    stop: () => postgres.stop(),
  };
}
