import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { choosePort } from "./ports.ts";
import { StartError } from "./start-error.ts";
import type { StateDirectory } from "./state-directory.ts";

const KeptSecretsSchema = z.object({
  JWT_SECRET_KEY: z.string(),
  CACHE_SEALING_KEYS: z.string(),
  /** Of the embedded Postgres's three roles. */
  appPassword: z.string(),
  ownerPassword: z.string(),
  adminPassword: z.string(),
  demoPassword: z.string(),
  /** Whether the demo user was registered: it is only tried once, so that a changed password stays changed. */
  demoUserExists: z.boolean(),
});
/** Made at the first start and kept, so that sessions, sealed copies and the demo user survive a restart. */
export type KeptSecrets = Readonly<z.infer<typeof KeptSecretsSchema>>;

const KeptPortsSchema = z.object({ postgres: z.int(), vault: z.int(), sandbox: z.int() });
/** Where the embedded parts listen: the same at each start while nobody else takes them. */
export type KeptPorts = Readonly<z.infer<typeof KeptPortsSchema>>;

export function readSecrets(directory: StateDirectory): KeptSecrets {
  const kept = readKept(directory.secretsFile, KeptSecretsSchema);
  if (kept) return kept;
  const secrets = {
    JWT_SECRET_KEY: randomBytes(32).toString("base64url"),
    CACHE_SEALING_KEYS: randomBytes(32).toString("base64"),
    appPassword: randomBytes(16).toString("hex"),
    ownerPassword: randomBytes(16).toString("hex"),
    adminPassword: randomBytes(16).toString("hex"),
    demoPassword: randomBytes(12).toString("base64url"),
    demoUserExists: false,
  };
  writeSecrets(directory, secrets);
  return secrets;
}

export function writeSecrets(directory: StateDirectory, secrets: KeptSecrets): void {
  writePrivate(directory.secretsFile, secrets);
}

/** @param workerPort Taken by the Worker, so no part may have it. */
export async function readPorts(directory: StateDirectory, workerPort: number): Promise<KeptPorts> {
  const kept = readKept(directory.portsFile, KeptPortsSchema);
  const postgres = await choosePort(kept?.postgres, [workerPort]);
  const vault = await choosePort(kept?.vault, [workerPort, postgres]);
  const sandbox = await choosePort(kept?.sandbox, [workerPort, postgres, vault]);
  const ports = { postgres, vault, sandbox };
  writePrivate(directory.portsFile, ports);
  return ports;
}

/** Writes JSON that only its owner can read, in one rename: a reader sees the old or the new. */
export function writePrivate(file: string, value: unknown): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** @throws StartError when the file is there and damaged. */
function readKept<Schema extends z.ZodType>(file: string, schema: Schema): z.infer<Schema> | null {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new StartError(`${file} is damaged; restore it, or delete the state directory to begin anew.`);
  }
}
