import { startSandbox } from "../sandbox/server.ts";
import { startVault } from "../vault/server.ts";
import { startDatabase } from "./database.ts";
import type { Flags } from "./flags.ts";
import type { KeptPorts, KeptSecrets } from "./kept.ts";
import { createRedirectUriCheck } from "./redirect-uris.ts";
import type { Settings } from "./settings.ts";
import { describeFailure, StartError } from "./start-error.ts";
import type { StateDirectory } from "./state-directory.ts";

/** What the Worker talks to: embedded, or the real one that was given. */
export interface Parts {
  /** What the Worker must be told about them. */
  readonly settings: Settings;
  readonly hasEmbeddedDatabase: boolean;
  readonly endpoints: Endpoints;
}

/** `endpoints.json` but for the Worker's own address; null where the real service is used, or nothing. */
export interface Endpoints {
  readonly postgres: string | null;
  readonly vault: string | null;
  readonly sandbox: string | null;
  readonly owner_url: string | null;
  readonly app_url: string | null;
  readonly vault_token: string | null;
}

export interface PartsOptions {
  readonly flags: Flags;
  readonly directory: StateDirectory;
  readonly ports: KeptPorts;
  readonly secrets: KeptSecrets;
  readonly given: Settings;
  /** The Worker's address. */
  readonly address: string;
  readonly onStop: (cleanup: () => Promise<void> | void) => void;
}

/** Starts what was not given, each with its data in the state directory, the database migrated. */
export async function startParts(options: PartsOptions): Promise<Parts> {
  const database = await named("Postgres", options.directory.postgres, () => startDatabase(options));
  const vault = await named("Vault", options.directory.vault, () => startSecretStore(options));
  const sandbox = await named("sandbox", options.directory.sandbox, () => startProviders(options));
  return {
    settings: { ...database.settings, ...vault.settings, ...sandbox.settings },
    hasEmbeddedDatabase: database.isEmbedded,
    endpoints: { ...database.endpoints, ...vault.endpoints, ...sandbox.endpoints },
  };
}

async function startSecretStore({ directory, ports, given, onStop }: PartsOptions) {
  if (given["VAULT_ADDR"] !== undefined) {
    return { settings: {}, endpoints: { vault: given["VAULT_ADDR"], vault_token: null } };
  }
  const mounts = [given["VAULT_KV_MOUNT"] ?? "aurora"];
  const vault = await startVault({ port: ports.vault, dataDir: directory.vault, mounts });
  onStop(() => vault.stop());
  return {
    // AppRole, as a deployment would: its login and renewal are exercised every day.
    settings: { VAULT_ADDR: vault.address, VAULT_ROLE_ID: vault.roleId, VAULT_SECRET_ID: vault.secretId },
    endpoints: { vault: vault.address, vault_token: vault.rootToken },
  };
}

async function startProviders({ flags, directory, ports, given, address, onStop }: PartsOptions) {
  if (flags.live) return { settings: {}, endpoints: { sandbox: null } };
  const sandbox = await startSandbox({
    port: ports.sandbox,
    dataDir: directory.sandbox,
    redirectUris: createRedirectUriCheck(given["PUBLIC_URL"] ?? address),
  });
  onStop(() => sandbox.stop());
  return {
    settings: { ...sandbox.settings, PROVIDER_ORIGINS: JSON.stringify(sandbox.origins) },
    endpoints: { sandbox: sandbox.address },
  };
}

/** Names the part, and its folder, when it cannot be started: mostly the data there is damaged. */
async function named<Result>(part: string, folder: string, start: () => Promise<Result>): Promise<Result> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof StartError) throw error;
    const reason = describeFailure(error);
    const place = reason.includes(folder) ? "" : ` on ${folder}`;
    throw new StartError(`The embedded ${part} could not be started${place}: ${reason}`);
  }
}
