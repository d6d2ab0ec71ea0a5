import { rmSync } from "node:fs";
import { join } from "node:path";
import { startCron } from "./cron.ts";
import { DEMO_EMAIL, seedDemoUser } from "./demo-user.ts";
import type { Flags } from "./flags.ts";
import { type KeptSecrets, readPorts, readSecrets, writePrivate } from "./kept.ts";
import { startKeptWorker } from "./kept-worker.ts";
import { type Parts, startParts } from "./parts.ts";
import { isPortFreeSoon } from "./ports.ts";
import { readGivenSettings } from "./settings.ts";
import { StartError } from "./start-error.ts";
import { lockStateDirectory, openStateDirectory, type StateDirectory } from "./state-directory.ts";
import { writeWorkerFiles } from "./worker-files.ts";
import { killStaleWorker, workerLogFile } from "./worker-process.ts";

const STALE_PORT_TIMEOUT_MS = 5_000;

export interface StackOptions {
  readonly flags: Flags;
  /** The checkout. */
  readonly root: string;
  /** Registers what ends a part, as soon as the part runs. */
  readonly onStop: (cleanup: () => Promise<void> | void) => void;
  /** Called when a running stack loses a part. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Brings up the whole of Aurora Edge on this machine and prints `ready http://127.0.0.1:PORT` when it answers.
 *
 * @throws StartError in one sentence a person can act on.
 */
export async function startStack({ flags, root, onStop, onFailure }: StackOptions): Promise<void> {
  const address = `http://127.0.0.1:${flags.port}`;
  const directory = openStateDirectory(flags.state);
  onStop(lockStateDirectory(directory, process.pid));
  // An earlier run's: nobody may read it before this one is ready.
  rmSync(directory.endpointsFile, { force: true });
  const wasStale = await killStaleWorker(directory);
  if (!(await isPortFreeSoon(flags.port, wasStale ? STALE_PORT_TIMEOUT_MS : 0))) {
    throw new StartError(`Port ${flags.port} is in use; stop what uses it, or start with --port N.`);
  }

  const secrets = readSecrets(directory);
  const given = readGivenSettings(process.env["DEV_VARS_FILE"] ?? join(root, ".dev.vars"), process.env);
  const ports = await readPorts(directory, flags.port);
  const parts = await startParts({ flags, directory, ports, secrets, given, address, onStop });

  const settings = { ...defaultsFor(address, secrets), ...parts.settings, ...withoutLocalNames(given) };
  const configFile = writeWorkerFiles(directory, root, settings);
  await startKeptWorker({ root, directory, configFile, port: flags.port, address, onStop, onFailure });

  const hasDemoUser = parts.hasEmbeddedDatabase && (await seedDemoUser(address, directory, secrets));
  onStop(startCron(address));
  writePrivate(directory.endpointsFile, { worker: address, ...parts.endpoints });
  printWhatToTry({ address, directory, parts, demoPassword: hasDemoUser ? secrets.demoPassword : null });
  console.log(`ready ${address}`);
}

function defaultsFor(address: string, secrets: KeptSecrets): Record<string, string> {
  return {
    ENVIRONMENT: "development",
    PUBLIC_URL: address,
    FRONTEND_URL: address,
    REGISTRATION: "open",
    JWT_SECRET_KEY: secrets.JWT_SECRET_KEY,
    CACHE_SEALING_KEYS: secrets.CACHE_SEALING_KEYS,
  };
}

function withoutLocalNames(given: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => name !== "DATABASE_ADMIN_URL"));
}

interface Started {
  readonly address: string;
  readonly directory: StateDirectory;
  readonly parts: Parts;
  /** Null when there is no demo user. */
  readonly demoPassword: string | null;
}

function printWhatToTry({ address, directory, parts, demoPassword }: Started): void {
  const lines = [
    ["the API, readable", `${address}/docs`],
    ...(demoPassword === null ? [] : [["sign in", `${DEMO_EMAIL} with the password ${demoPassword}`]]),
    ...(parts.endpoints.sandbox === null ? [] : [["the providers, played", parts.endpoints.sandbox]]),
    ["the whole story", "npm run demo"],
    ["the Worker's log", workerLogFile(directory)],
    ["stop it", "Ctrl-C"],
  ];
  for (const [what, where] of lines) console.log(`  ${what?.padEnd(24)}${where}`);
}
