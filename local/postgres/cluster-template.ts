import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { SUPERUSER } from "./embedded-roles.ts";

/** Goes with node_modules, so that a fresh install makes it afresh. */
const CACHE = join(dirname(fileURLToPath(import.meta.url)), "../../node_modules/.cache/aurora-edge");

/**
 * Makes an empty cluster and opens it.
 *
 * Making one takes seconds of processor time, most of what a start or a test file would cost; the first one made on a
 * machine is kept, and copied from then on. It holds nothing but what `initdb` writes.
 *
 * @param directory Where it goes, empty or absent; null keeps it in memory.
 */
export async function createCluster(directory: string | null): Promise<PGlite> {
  const place = directory === null ? {} : { dataDir: directory };
  const file = templateFile();
  const template = readTemplate(file);
  if (template !== null) {
    try {
      return await PGlite.create({ ...place, username: SUPERUSER, loadDataDir: template });
    } catch {
      // A template that does not open is of no use to anyone; what it left must not be built upon.
      rmSync(file, { force: true });
      if (directory !== null) rmSync(directory, { recursive: true, force: true });
    }
  }
  const database = await PGlite.create({ ...place, username: SUPERUSER });
  await keepTemplate(database, file);
  return database;
}

function templateFile(): string {
  const entry = createRequire(import.meta.url).resolve("@electric-sql/pglite");
  const manifest = join(dirname(entry), "../package.json");
  const { version }: { version: string } = JSON.parse(readFileSync(manifest, "utf8"));
  return join(CACHE, `pglite-${version}.tar`);
}

function readTemplate(file: string): Blob | null {
  try {
    return new Blob([readFileSync(file)]);
  } catch {
    return null;
  }
}

async function keepTemplate(database: PGlite, file: string): Promise<void> {
  try {
    const dump = await database.dumpDataDir("none");
    mkdirSync(CACHE, { recursive: true });
    // Renamed into place: another process never reads half of it.
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(unfinished, Buffer.from(await dump.arrayBuffer()));
    renameSync(unfinished, file);
  } catch {
    // Nowhere to keep it: the next start takes as long as this one.
  }
}
