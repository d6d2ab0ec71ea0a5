import type { IncomingHttpHeaders } from "node:http";
import { SqlError } from "./sql-error.ts";

/** One statement, its parameters in Postgres's text form. */
export interface Statement {
  readonly text: string;
  readonly params: readonly (string | null)[];
}

/** Statements that run in one transaction, in order. */
export interface Transaction {
  readonly statements: readonly Statement[];
  /** What follows BEGIN, e.g. `isolation level serializable read only`; empty for the defaults. */
  readonly mode: string;
}

export interface Field {
  readonly name: string;
  readonly tableID: number;
  readonly columnID: number;
  readonly dataTypeID: number;
  readonly dataTypeSize: number;
  readonly dataTypeModifier: number;
}

/** What one statement answered, every value in Postgres's text form. */
export interface StatementResult {
  /** The first word of the command tag, e.g. `INSERT`. */
  readonly command: string;
  readonly rowCount: number | null;
  readonly fields: readonly Field[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A request of Neon's HTTP protocol. */
export interface SqlRequest {
  readonly connectionString: string;
  readonly transaction: Transaction;
  readonly isBatch: boolean;
  readonly isArrayMode: boolean;
}

const ISOLATION_LEVELS = new Map([
  ["ReadUncommitted", "read uncommitted"],
  ["ReadCommitted", "read committed"],
  ["RepeatableRead", "repeatable read"],
  ["Serializable", "serializable"],
]);

/** SQLSTATE protocol_violation: the request is not what the driver would send. */
const PROTOCOL_VIOLATION = "08P01";

/**
 * Reads one request as @neondatabase/serverless 1.2.0 writes it: `{query, params}` or `{queries: [{query, params}]}`.
 *
 * @throws SqlError `08P01` when it is malformed, or asks for values that are not raw text, which the driver never does.
 */
export function parseSqlRequest(headers: IncomingHttpHeaders, body: string): SqlRequest {
  const connectionString = headers["neon-connection-string"];
  if (typeof connectionString !== "string") throw violation("The header Neon-Connection-String is missing.");
  if (headers["neon-raw-text-output"] !== "true") throw violation("Only Neon-Raw-Text-Output: true is spoken here.");

  const parsed = parseJson(body);
  const isBatch = Array.isArray(parsed["queries"]);
  const queries: readonly unknown[] = Array.isArray(parsed["queries"]) ? parsed["queries"] : [parsed];
  return {
    connectionString,
    isBatch,
    isArrayMode: headers["neon-array-mode"] === "true",
    transaction: { statements: queries.map(parseStatement), mode: isBatch ? parseMode(headers) : "" },
  };
}

/** The body of the answer: one result, or `{results: [...]}` for a batch. */
export function renderResults(request: SqlRequest, results: readonly StatementResult[]): string {
  const rendered = results.map((result) => renderResult(result, request.isArrayMode));
  return JSON.stringify(request.isBatch ? { results: rendered } : rendered[0]);
}

function renderResult(result: StatementResult, isArrayMode: boolean) {
  const names = result.fields.map((field) => field.name);
  return {
    command: result.command,
    rowCount: result.rowCount,
    rowAsArray: isArrayMode,
    fields: result.fields.map((field) => ({ ...field, format: "text" })),
    rows: isArrayMode
      ? result.rows
      : result.rows.map((row) => Object.fromEntries(row.map((value, index) => [names[index] ?? "", value]))),
  };
}

function parseMode(headers: IncomingHttpHeaders): string {
  const isolation = headers["neon-batch-isolation-level"];
  const level = ISOLATION_LEVELS.get(String(isolation));
  if (isolation !== undefined && level === undefined) throw violation("There is no such isolation level.");
  const readOnly = parseFlag(headers["neon-batch-read-only"]);
  const deferrable = parseFlag(headers["neon-batch-deferrable"]);
  return [
    level === undefined ? "" : `isolation level ${level}`,
    readOnly === null ? "" : readOnly ? "read only" : "read write",
    deferrable === null ? "" : deferrable ? "deferrable" : "not deferrable",
  ]
    .filter((part) => part !== "")
    .join(" ");
}

function parseFlag(raw: string | string[] | undefined): boolean | null {
  if (raw === undefined) return null;
  if (raw !== "true" && raw !== "false") throw violation("A batch flag is true or false.");
  return raw === "true";
}

function parseJson(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Answered below like every other malformed body.
  }
  throw violation("The body is not a JSON object.");
}

function parseStatement(raw: unknown): Statement {
  if (typeof raw !== "object" || raw === null) throw violation("A query is an object.");
  const { query, params = [] } = raw as Record<string, unknown>;
  if (typeof query !== "string") throw violation("A query needs its text.");
  if (!Array.isArray(params)) throw violation("The params of a query are a list.");
  return { text: query, params: params.map(toText) };
}

function toText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function violation(message: string): SqlError {
  return new SqlError(PROTOCOL_VIOLATION, message);
}
