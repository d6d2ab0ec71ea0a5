import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import type { Backend, Login } from "./backend.ts";
import { createCluster } from "./cluster-template.ts";
import { lockDirectory } from "./directory-lock.ts";
import { prepareRoles, SUPERUSER } from "./embedded-roles.ts";
import { runStatement } from "./embedded-statement.ts";
import type { StatementResult, Transaction } from "./protocol.ts";
import { SqlError } from "./sql-error.ts";

/**
 * PGlite as a backend: one connection, so one request at a time.
 *
 * @param dataDir   Where it lives on disk; null keeps it in memory.
 * @param passwords By role: the only logins there are.
 * @throws Error in one sentence when the directory is in use or cannot be opened.
 */
export async function createEmbeddedBackend(
  dataDir: string | null,
  passwords: ReadonlyMap<string, string>,
): Promise<Backend> {
  const unlock = dataDir === null ? () => {} : lockDirectory(dataDir);
  const database = await openDatabase(dataDir).catch((error: unknown) => {
    unlock();
    throw error;
  });
  let last: Promise<unknown> = Promise.resolve();

  return {
    async run(login, transaction) {
      requirePassword(login, passwords);
      const result = last.then(() => runTransaction(database, login.role, transaction));
      last = result.catch(() => {});
      return await result;
    },
    async stop() {
      await last;
      await database.close();
      unlock();
    },
  };
}

async function openDatabase(dataDir: string | null): Promise<PGlite> {
  if (dataDir === null) return await prepare(await createCluster(null));
  const cluster = join(dataDir, "cluster");
  const completed = join(dataDir, "completed");
  try {
    if (existsSync(completed)) return await prepare(await PGlite.create({ dataDir: cluster, username: SUPERUSER }));
    // Killed while it was being made: nothing can be in it yet, and it would never open.
    rmSync(cluster, { recursive: true, force: true });
    const database = await prepare(await createCluster(cluster));
    writeFileSync(completed, "");
    return database;
  } catch {
    // What PGlite says is about WebAssembly, and its log would not help whoever starts this.
    throw new Error(`The Postgres data in ${dataDir} cannot be opened: move it away to start afresh.`);
  }
}

async function prepare(database: PGlite): Promise<PGlite> {
  await prepareRoles(database);
  return database;
}

function requirePassword(login: Login, passwords: ReadonlyMap<string, string>): void {
  if (login.role === "" || passwords.get(login.role) !== login.password) {
    throw new SqlError("28P01", `password authentication failed for user '${login.role}'`);
  }
}

async function runTransaction(
  database: PGlite,
  role: string,
  transaction: Transaction,
): Promise<readonly StatementResult[]> {
  await becomeRole(database, role);
  try {
    await database.exec(`begin ${transaction.mode}`);
    const results: StatementResult[] = [];
    for (const statement of transaction.statements) results.push(await runStatement(database, statement));
    await requireSameRole(database, role);
    await database.exec("commit");
    return results;
  } catch (error) {
    await database.exec("rollback");
    throw error;
  } finally {
    // RESET SESSION AUTHORIZATION, and so DISCARD ALL, leads nowhere in PGlite: its connection never logged in.
    await database.exec(`set session authorization ${SUPERUSER}`);
    await database.exec("discard all");
  }
}

async function becomeRole(database: PGlite, role: string): Promise<void> {
  try {
    await database.exec(`set session authorization "${role}"`);
  } catch {
    // Not migrated yet. Postgres gives an unknown role the same answer as a wrong password.
    throw new SqlError("28P01", `password authentication failed for user '${role}'`);
  }
}

async function requireSameRole(database: PGlite, role: string): Promise<void> {
  const { rows } = await database.query<{ name: string }>("select session_user as name");
  if (rows[0]?.name !== role) throw new SqlError("42501", "permission denied to set session authorization");
}
