/** What Neon's driver reads from an error, beside the message. */
const FIELDS = [
  "severity",
  "code",
  "detail",
  "hint",
  "position",
  "internalPosition",
  "internalQuery",
  "where",
  "schema",
  "table",
  "column",
  "dataType",
  "constraint",
  "file",
  "line",
  "routine",
] as const;

/** A refusal in Postgres's own form. `code` is its SQLSTATE. */
export class SqlError extends Error {
  override readonly name = "SqlError";
  readonly severity = "ERROR";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** True for what Postgres itself, or this stand-in in its name, answered; false for a bug or a broken connection. */
export function isSqlError(error: unknown): error is Error & { readonly code: string } {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code) && "severity" in error;
}

/** The body of Neon's HTTP 400. */
export function renderSqlError(error: Error): Record<string, string | null> {
  const values = new Map(Object.entries(error));
  const fields = FIELDS.map((name) => {
    const value: unknown = values.get(name);
    return [name, typeof value === "string" ? value : null] as const;
  });
  return { message: error.message, ...Object.fromEntries(fields) };
}
