import pg from "pg";
import type { Backend, Login } from "./backend.ts";
import type { Statement, StatementResult, Transaction } from "./protocol.ts";
import { isSqlError, SqlError } from "./sql-error.ts";

/** Few enough for three roles beside whatever else a development server holds open. */
const MAX_CONNECTIONS_PER_LOGIN = 5;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * A real PostgreSQL server as a backend: each login has its own connections, so Postgres itself holds every role to its
 * rights.
 *
 * @param upstream A `postgres://` URL; its host, port and database are used with the login of each request.
 */
export function createUpstreamBackend(upstream: string): Backend {
  const pools = new Map<string, pg.Pool>();

  return {
    async run(login, transaction) {
      const url = withLogin(upstream, login);
      const pool = pools.get(url) ?? createPool(url);
      pools.set(url, pool);
      return await runTransaction(await connect(pool, login), transaction);
    },
    async stop() {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
  };
}

/** `url` with another role and password. */
export function withLogin(url: string, login: Login): string {
  const changed = new URL(url);
  changed.username = encodeURIComponent(login.role);
  changed.password = encodeURIComponent(login.password);
  return changed.href;
}

function createPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max: MAX_CONNECTIONS_PER_LOGIN,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // Raw text: the driver at the other end parses.
    types: { getTypeParser: () => (value: string) => value },
  });
  // An idle connection the server closed: the pool has dropped it already.
  pool.on("error", () => {});
  return pool;
}

async function connect(pool: pg.Pool, login: Login): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    // Without a password in the URL, pg says so in words of its own and no SQLSTATE.
    if (isSqlError(error) || login.password !== "") throw error;
    throw new SqlError("28P01", `password authentication failed for user '${login.role}'`);
  }
}

async function runTransaction(client: pg.PoolClient, transaction: Transaction): Promise<readonly StatementResult[]> {
  let isBroken = false;
  try {
    await client.query(`begin ${transaction.mode}`);
    const results: StatementResult[] = [];
    for (const statement of transaction.statements) results.push(await runStatement(client, statement));
    await client.query("commit");
    return results;
  } catch (error) {
    isBroken = !isSqlError(error);
    if (!isBroken) await client.query("rollback");
    throw error;
  } finally {
    if (!isBroken) await client.query("discard all");
    client.release(isBroken);
  }
}

async function runStatement(client: pg.PoolClient, { text, params }: Statement): Promise<StatementResult> {
  const config = { text, values: [...params], rowMode: "array" as const, queryMode: "extended" };
  const { command, rowCount, fields, rows } = await client.query<(string | null)[]>(config);
  return {
    command,
    rowCount,
    rows,
    fields: fields.map(({ name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier }) => ({
      name,
      tableID,
      columnID,
      dataTypeID,
      dataTypeSize,
      dataTypeModifier,
    })),
  };
}
