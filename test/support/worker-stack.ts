import { randomBytes } from "node:crypto";
import { connectOverHttp } from "../../local/migrate/database.ts";
import { runMigrations } from "../../local/migrate/run-migrations.ts";
import { startPostgres } from "../../local/postgres/server.ts";
import { startSandbox } from "../../local/sandbox/server.ts";
import { createRedirectUriCheck } from "../../local/stack/redirect-uris.ts";
import { startVault } from "../../local/vault/server.ts";
import { SETTING_NAMES } from "../../src/bindings.ts";

/** What a Worker under test talks to, for tests that tamper. */
export interface TestEndpoints {
  readonly postgres: string;
  readonly vault: string;
  readonly sandbox: string;
  readonly ownerUrl: string;
  readonly vaultToken: string;
}

/** The embedded Postgres, Vault and sandbox of one Worker under test. */
export interface WorkerStack {
  /** Of the Worker, by name. */
  readonly settings: Readonly<Record<string, string>>;
  readonly endpoints: TestEndpoints;
}

/** The Worker's own address in tests; nothing listens there. */
const PUBLIC_URL = "http://127.0.0.1:8787";
const PASSWORD_BYTES = 16;

/** Starts what a Worker talks to, in memory, in this thread: it ends with it. */
export async function startWorkerStack(): Promise<WorkerStack> {
  const appPassword = randomBytes(PASSWORD_BYTES).toString("hex");
  const ownerPassword = randomBytes(PASSWORD_BYTES).toString("hex");
  const postgres = await startPostgres({ port: 0, dataDir: null, appPassword, ownerPassword });
  const httpUrl = `${postgres.address}/sql`;
  await runMigrations(connectOverHttp(postgres.adminUrl, httpUrl), { appPassword, ownerPassword });
  const vault = await startVault({ port: 0, dataDir: null });
  const sandbox = await startSandbox({ port: 0, dataDir: null, redirectUris: createRedirectUriCheck(PUBLIC_URL) });

  const settings = {
    // An empty setting counts as unset: a developer's own .dev.vars cannot change a test.
    ...Object.fromEntries(SETTING_NAMES.map((name) => [name, ""])),
    ...sandbox.settings,
    ENVIRONMENT: "test",
    // A line for each of thousands of requests helps nobody.
    LOG_LEVEL: "warn",
    BCRYPT_ROUNDS: "4",
    PUBLIC_URL,
    REGISTRATION: "open",
    DATABASE_URL: postgres.appUrl,
    DATABASE_HTTP_URL: httpUrl,
    VAULT_ADDR: vault.address,
    VAULT_ROLE_ID: vault.roleId,
    VAULT_SECRET_ID: vault.secretId,
    JWT_SECRET_KEY: randomBytes(32).toString("base64url"),
    METRICS_TOKEN: randomBytes(32).toString("base64url"),
    CACHE_SEALING_KEYS: randomBytes(32).toString("base64"),
    PROVIDER_ORIGINS: JSON.stringify(sandbox.origins),
  };
  const addresses = { postgres: postgres.address, vault: vault.address, sandbox: sandbox.address };
  return {
    settings,
    endpoints: { ...addresses, ownerUrl: postgres.ownerUrl, vaultToken: vault.rootToken },
  };
}
