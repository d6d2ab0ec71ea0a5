import { connectOverHttp } from "../migrate/database.ts";
import { runMigrations } from "../migrate/run-migrations.ts";
import { startPostgres } from "../postgres/server.ts";
import type { Endpoints, PartsOptions } from "./parts.ts";
import type { Settings } from "./settings.ts";
import { StartError } from "./start-error.ts";

/** The database the Worker uses, migrated when it is embedded or `--migrate` was given. */
export interface StartedDatabase {
  readonly settings: Settings;
  readonly isEmbedded: boolean;
  readonly endpoints: Pick<Endpoints, "postgres" | "owner_url" | "app_url">;
}

const NEON_HOST = /\.neon\.tech$/;

export async function startDatabase(options: PartsOptions): Promise<StartedDatabase> {
  const url = options.given["DATABASE_URL"];
  if (url === undefined) return await startEmbedded(options);
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new StartError("DATABASE_URL must be a postgres:// URL.");
  }
  const httpUrl = options.given["DATABASE_HTTP_URL"] ?? null;
  const gateway = httpUrl === null && !NEON_HOST.test(new URL(url).hostname) ? await startGateway(options, url) : null;
  if (options.flags.migrate) await migrateReal(options.given, url, gateway?.httpUrl ?? httpUrl);
  return {
    settings: gateway === null ? {} : { DATABASE_HTTP_URL: gateway.httpUrl },
    isEmbedded: false,
    endpoints: { postgres: gateway?.address ?? null, owner_url: null, app_url: url },
  };
}

async function startEmbedded({ directory, ports, secrets, onStop }: PartsOptions): Promise<StartedDatabase> {
  const { appPassword, ownerPassword, adminPassword } = secrets;
  const passwords = { appPassword, ownerPassword, adminPassword };
  const postgres = await startPostgres({ port: ports.postgres, dataDir: directory.postgres, ...passwords });
  onStop(() => postgres.stop());
  const httpUrl = `${postgres.address}/sql`;
  await runMigrations(connectOverHttp(postgres.adminUrl, httpUrl), { appPassword, ownerPassword });
  return {
    settings: { DATABASE_URL: postgres.appUrl, DATABASE_HTTP_URL: httpUrl },
    isEmbedded: true,
    endpoints: { postgres: postgres.address, owner_url: postgres.ownerUrl, app_url: postgres.appUrl },
  };
}

/** A server that is not Neon does not speak its HTTP protocol: the gateway does so before it. */
async function startGateway({ ports, onStop }: PartsOptions, upstream: string) {
  const gateway = await startPostgres({ port: ports.postgres, dataDir: null, upstream });
  onStop(() => gateway.stop());
  return { address: gateway.address, httpUrl: `${gateway.address}/sql` };
}

async function migrateReal(given: Settings, databaseUrl: string, httpUrl: string | null): Promise<void> {
  const adminUrl = given["DATABASE_ADMIN_URL"];
  if (adminUrl === undefined) {
    throw new StartError("--migrate needs DATABASE_ADMIN_URL: the postgres:// URL of a role that may create roles.");
  }
  const { username, password } = new URL(databaseUrl);
  if (username !== "aurora_app" || password === "") {
    throw new StartError("DATABASE_URL must name the role aurora_app and its password: the Worker uses no other role.");
  }
  const appPassword = decodeURIComponent(password);
  await runMigrations(connectOverHttp(adminUrl, httpUrl), { appPassword });
}
