import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { neon, neonConfig } from "@neondatabase/serverless";
import { createSearch, describeFound, findInFiles, type Search } from "../support/find-in-files.ts";
import type { Stack, StackEndpoints } from "../support/stack.ts";
import { readIssued } from "./issued-secrets.ts";
import { secretsIn, seenSecrets } from "./seen-secrets.ts";
import { readStoredSecrets } from "./stored-secrets.ts";

/** The sandbox plays the providers, and a provider knows its own tokens. */
const PROVIDERS = ["sandbox"];
/** Where the operator's own secrets are kept, for nobody else to read. */
const SETTINGS = ["run", "secrets.json", "endpoints.json"];
const SECRET_SETTING = /SECRET|PASSWORD|_TOKEN$|_KEYS$|Password$/;

export interface LeakReport {
  /** `place: first characters of the secret`; there should be none. */
  readonly leaks: readonly string[];
  /** How many secrets were looked for. */
  readonly secrets: number;
  /** Where the texts were found that are no secret: proof that the search sees what is there. */
  readonly known: readonly string[];
}

/**
 * Ends the stack and looks for every secret of this file's stories wherever Aurora keeps or prints anything: in a dump
 * of Postgres, in all its files (Postgres, Vault, KV, Durable Objects, Workflows, logs) and in what was printed.
 *
 * @param known Texts that are no secret and must be found.
 */
export async function findLeaks(stack: Stack, known: readonly string[]): Promise<LeakReport> {
  const { state } = stack;
  const dump = await dumpPostgres(stack.endpoints());
  const stored = await readStoredSecrets(stack.endpoints());
  await stack.end();
  const issued = readIssued(join(state, "sandbox")).map(({ value }) => value);
  const people = [...new Set([...seenSecrets(), ...stored.flatMap(({ secret }) => secretsIn(secret)), ...issued])];
  const settings = readSecretSettings(state);
  const look = (search: Search, skipped: readonly string[]) => [
    ...findInFiles(state, search, skipped),
    ...describeFound("a dump of Postgres", search(Buffer.from(dump))),
    ...describeFound("what npm start printed", search(Buffer.from(stack.output()))),
  ];
  return {
    leaks: [...look(createSearch(people), PROVIDERS), ...look(createSearch(settings), [...PROVIDERS, ...SETTINGS])],
    secrets: people.length + settings.length,
    known: look(createSearch(known), PROVIDERS),
  };
}

/** Every row of every table, as text: in its files Postgres compresses long ones. */
async function dumpPostgres({ owner_url, postgres }: StackEndpoints): Promise<string> {
  neonConfig.fetchEndpoint = `${postgres}/sql`;
  const sql = neon(owner_url);
  const tables = await sql.query("select tablename from pg_tables where schemaname = 'public' order by tablename");
  const rows = await Promise.all(tables.map(({ tablename }) => sql.query(`select t::text from "${tablename}" t`)));
  return JSON.stringify(rows);
}

/** What only the operator knows, but for the demo user's password, which is printed for the person who started it. */
function readSecretSettings(state: string): readonly string[] {
  const { demoPassword: _printed, ...kept } = JSON.parse(readFileSync(join(state, "secrets.json"), "utf8"));
  const given = parseEnv(readFileSync(join(state, "run/.dev.vars"), "utf8"));
  const { vault_token } = JSON.parse(readFileSync(join(state, "endpoints.json"), "utf8"));
  const named = Object.entries({ ...kept, ...given }).filter(([name]) => SECRET_SETTING.test(name));
  const providers: unknown = JSON.parse(given["CUSTOM_PROVIDERS"] ?? "[]");
  return [...new Set([...named.map(([, value]) => String(value)), vault_token, ...secretsIn(providers)])];
}
