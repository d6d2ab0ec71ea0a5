import { NeonDbError, neon, neonConfig } from "@neondatabase/serverless";
import { AppError } from "../../domain/errors.ts";
import type { Log } from "../../domain/ports/log.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Secret } from "../../domain/secret.ts";
import { type Statement, sql } from "./statement.ts";

export type Row = Readonly<Record<string, unknown>>;

/** The one way to Postgres: every batch is a transaction, one round trip, with its row-level-security context. */
export interface Database {
  /** Runs the statements as `scope`; answers the rows of each. @throws `database_unavailable`, or a {@link ConstraintError}. */
  as(scope: Scope, ...statements: readonly Statement[]): Promise<readonly (readonly Row[])[]>;
  /**
   * Runs `entry` without a context, and the statements in the context it sets.
   * `entry` may only call a definer function: without a context, row-level security shows nothing.
   */
  enter(entry: Statement, ...statements: readonly Statement[]): Promise<readonly (readonly Row[])[]>;
}

/** A rule of the schema that a statement broke. */
export class ConstraintError extends Error {
  override readonly name = "ConstraintError";
  readonly sqlState: string;
  readonly constraint: string | null;

  constructor(sqlState: string, constraint: string | null) {
    super("a statement broke a rule of the schema");
    this.sqlState = sqlState;
    this.constraint = constraint;
  }
}

/** @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const UNIQUE_VIOLATION = "23505";
/** Ours: `register_account` refuses because somebody registered first. */
const REGISTRATION_TAKEN = "AE001";
const TRANSLATED = new Set([UNIQUE_VIOLATION, REGISTRATION_TAKEN]);

export function isUniqueViolation(error: unknown, constraint?: string): error is ConstraintError {
  if (!(error instanceof ConstraintError) || error.sqlState !== UNIQUE_VIOLATION) return false;
  return constraint === undefined || error.constraint === constraint;
}

export function isRegistrationTaken(error: unknown): error is ConstraintError {
  return error instanceof ConstraintError && error.sqlState === REGISTRATION_TAKEN;
}

/** A batch that takes longer is an outage for whoever waits. */
const TIMEOUT_MS = 10_000;
/** Divides by zero, and so fails the whole batch, unless the role owns nothing, bypasses nothing and can become nobody who does. */
const REQUIRE_BOUND_ROLE = sql`select 1 / (not exists (
  select from pg_roles where pg_has_role(current_user, oid, 'member')
    and (rolsuper or rolbypassrls or oid in (select relowner from pg_class where relnamespace = 'public'::regnamespace))
))::int`;
const DIVISION_BY_ZERO = "22012";

/**
 * @param url      `postgres://aurora_app:…@host/database`.
 * @param endpoint Where Neon's `/sql` protocol is spoken; null = Neon's own address for that host.
 */
export function createDatabase(url: Secret<string>, endpoint: string | null, log: Log): Database {
  if (endpoint !== null) neonConfig.fetchEndpoint = endpoint;
  let roleIsChecked = false;

  async function run(statements: readonly Statement[]): Promise<readonly (readonly Row[])[]> {
    const batch = roleIsChecked ? statements : [REQUIRE_BOUND_ROLE, ...statements];
    const results = await translate(log, () =>
      inTime((signal) => {
        const client = neon(url.reveal(), { fetchOptions: { signal } });
        return client.transaction(batch.map(({ text, params }) => client.query(text, [...params])));
      }),
    );
    const rows = results as readonly (readonly Row[])[];
    if (roleIsChecked) return rows;
    roleIsChecked = true;
    return rows.slice(1);
  }

  return {
    as: async (scope, ...statements) => (await run([setContext(scope), ...statements])).slice(1),
    enter: (entry, ...statements) => run([entry, ...statements]),
  };
}

/** Gives up after {@link TIMEOUT_MS}. The timer ends with the work: one that is left would keep an object from sleeping. */
async function inTime<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Local to the transaction (`true`), so that no later request on the same connection can inherit it. */
function setContext(scope: Scope): Statement {
  return sql`select set_config('myapp.current_user_id', ${scope.userId}, true),
    set_config('myapp.current_workspace_id', ${scope.workspaceId}, true)`;
}

async function translate<Result>(log: Log, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NeonDbError && TRANSLATED.has(error.code ?? "")) {
      throw new ConstraintError(error.code ?? "", error.constraint ?? null);
    }
    if (error instanceof NeonDbError && error.code === DIVISION_BY_ZERO) {
      throw new AppError("misconfigured", "The database role can bypass row-level security; use aurora_app.");
    }
    if (error instanceof NeonDbError && error.code !== undefined) {
      // The code alone: a message of Postgres can quote the row it refused.
      log.error("a statement failed", { sqlState: error.code });
    }
    throw new AppError("database_unavailable", "The database did not answer; try again.");
  }
}
