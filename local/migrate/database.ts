import { NeonDbError, neon, neonConfig } from "@neondatabase/serverless";

/** One statement; its parameters in Postgres's text form. */
export interface Statement {
  readonly text: string;
  readonly params?: readonly (string | null)[];
}

export type Row = Readonly<Record<string, unknown>>;

/** A database as the runner sees it. */
export interface Database {
  /**
   * Runs the statements in one transaction; nothing stays when one fails.
   *
   * @returns the rows of each statement.
   * @throws what the driver throws; Postgres's refusals carry `code` (SQLSTATE) and `constraint`.
   */
  query(batch: readonly Statement[]): Promise<readonly (readonly Row[])[]>;
}

/**
 * A database behind Neon's HTTP protocol: Neon itself, the embedded Postgres, or the gateway before a real server.
 *
 * @param databaseUrl The `postgres://` URL of a role that may create roles.
 * @param httpUrl     The `/sql` endpoint, e.g. `http://127.0.0.1:5433/sql`; null for Neon's own, derived from the host.
 */
export function connectOverHttp(databaseUrl: string, httpUrl: string | null): Database {
  const sql = neon(databaseUrl);
  return {
    async query(batch) {
      const queries = batch.map(({ text, params }) => sql.query(text, [...(params ?? [])]));
      return (await withEndpoint(httpUrl, () => sql.transaction(queries))) as Row[][];
    },
  };
}

/** The driver has one endpoint for the whole process, but takes it before its first wait: set it only for that long. */
function withEndpoint<Answer>(httpUrl: string | null, send: () => Answer): Answer {
  const usual = neonConfig.fetchEndpoint;
  if (httpUrl !== null) neonConfig.fetchEndpoint = () => httpUrl;
  try {
    return send();
  } finally {
    neonConfig.fetchEndpoint = usual;
  }
}

/** The SQLSTATE and constraint of a refusal by Postgres; null for every other failure. */
export function readRefusal(error: unknown): { readonly code: string; readonly constraint: string | null } | null {
  if (!(error instanceof NeonDbError) || typeof error.code !== "string") return null;
  return { code: error.code, constraint: error.constraint ?? null };
}
