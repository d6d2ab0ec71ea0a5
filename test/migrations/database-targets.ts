import pg from "pg";
import { connectOverHttp, type Database, type Row } from "../../local/migrate/database.ts";
import { runMigrations } from "../../local/migrate/run-migrations.ts";
import { type RunningPostgres, startPostgres } from "../../local/postgres/server.ts";
import { findPostgres, startRealPostgres } from "../support/real-postgres.ts";

/** A migrated database, by the role that asks. */
export interface MigratedDatabase {
  readonly postgres: RunningPostgres;
  readonly admin: Database;
  readonly owner: Database;
  readonly app: Database;
  stop(): Promise<void>;
}

export interface Target {
  readonly name: string;
  start(): Promise<MigratedDatabase>;
}

const PASSWORDS = { appPassword: "app's \\ password", ownerPassword: "owner" } as const;

/** Every database the schema is tried on: PGlite always, a real server where one is installed. */
export const TARGETS: readonly Target[] = [
  { name: "PGlite", start: startEmbedded },
  ...(findPostgres() === null ? [] : [{ name: "PostgreSQL", start: startReal }]),
];

if (findPostgres() === null)
  console.log("skipped: no PostgreSQL server is installed, so the schema runs on PGlite only");

export async function startEmbedded(): Promise<MigratedDatabase> {
  const postgres = await startPostgres({ port: 0, dataDir: null, ...PASSWORDS });
  return await migrate(postgres, async () => {});
}

/** Migrated by a role that may create roles and owns the database, but is no superuser, as on Neon. */
async function startReal(): Promise<MigratedDatabase> {
  const server = await startRealPostgres();
  if (server === null) throw new Error("no PostgreSQL server is installed");
  const client = new pg.Client({ connectionString: server.adminUrl });
  await client.connect();
  await client.query("create role hosted_admin login createrole createdb password 'hosted'");
  await client.query("alter database postgres owner to hosted_admin");
  await client.end();
  const upstream = server.adminUrl.replace(/\/\/[^@]*@/, "//hosted_admin:hosted@");
  const postgres = await startPostgres({ port: 0, dataDir: null, upstream, ...PASSWORDS });
  return await migrate(postgres, () => server.stop());
}

async function migrate(postgres: RunningPostgres, stopServer: () => Promise<void>): Promise<MigratedDatabase> {
  const connect = (url: string) => connectOverHttp(url, `${postgres.address}/sql`);
  const admin = connect(postgres.adminUrl);
  await runMigrations(admin, PASSWORDS);
  return {
    postgres,
    admin,
    owner: connect(postgres.ownerUrl),
    app: connect(postgres.appUrl),
    async stop() {
      await postgres.stop();
      await stopServer();
    },
  };
}

export interface Context {
  readonly user: string;
  readonly workspace: string;
}

/** Runs one statement for `context` (null: for nobody) and answers its rows. */
export async function runAs(
  database: Database,
  context: Context | null,
  text: string,
  params: readonly (string | null)[] = [],
): Promise<readonly Row[]> {
  const settings =
    context === null
      ? []
      : [
          { text: "select set_config('myapp.current_user_id', $1, true)", params: [context.user] },
          { text: "select set_config('myapp.current_workspace_id', $1, true)", params: [context.workspace] },
        ];
  return (await database.query([...settings, { text, params }])).at(-1) ?? [];
}

/** The SQLSTATE `work` is refused with; null when it is not refused. */
export async function readSqlState(work: Promise<unknown>): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
}

/** An id that reads as what it is: 32 hex digits, all alike but the last three. */
export function makeId(kind: string, digit: string, last = "000"): string {
  return `${kind}_${digit.repeat(29)}${last}`;
}
