/** One stretch of SQL text: `code` is what Postgres runs, the rest it skips or takes as it stands. */
interface Stretch {
  readonly kind: "code" | "semicolon" | "comment" | "quoted";
  readonly text: string;
}

/**
 * The statements of an SQL file, in order, without their semicolons.
 *
 * The HTTP protocol takes one statement at a time. A semicolon inside quotes, dollar quotes or a comment ends nothing.
 * Comments stay in the statement they precede; a stretch of comments alone is no statement.
 *
 * @throws Error in words when a quote or a comment is never closed.
 * @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
export function splitStatements(sql: string): readonly string[] {
  const statements: string[] = [];
  let text = "";
  let hasCode = false;
  const finish = () => {
    if (hasCode) statements.push(text.trim());
    text = "";
    hasCode = false;
  };
  for (const stretch of readStretches(sql)) {
    if (stretch.kind === "semicolon") {
      finish();
      continue;
    }
    text += stretch.text;
    hasCode ||= stretch.kind === "quoted" || (stretch.kind === "code" && stretch.text.trim() !== "");
  }
  finish();
  return statements;
}

/** `sql` with every comment replaced by a space. Quoted text is kept as it stands. */
export function removeComments(sql: string): string {
  return readStretches(sql)
    .map(({ kind, text }) => (kind === "comment" ? " " : text))
    .join("");
}

function readStretches(sql: string): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let at = 0;
  while (at < sql.length) {
    const stretch = readStretch(sql, at);
    stretches.push(stretch);
    at += stretch.text.length;
  }
  return stretches;
}

/** Code up to the next character that could begin something else; `$` and `e'` only begin it after a word's end. */
const PLAIN = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|[^;'"$/\-A-Za-z_\u0080-\uffff]+|[\s\S]/y;
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;

function readStretch(sql: string, at: number): Stretch {
  const two = sql.slice(at, at + 2);
  if (sql[at] === ";") return { kind: "semicolon", text: ";" };
  if (two === "--") return { kind: "comment", text: matchAt(/--[^\n]*/y, sql, at) ?? "" };
  if (two === "/*") return { kind: "comment", text: readBlockComment(sql, at) };
  if (two === "e'" || two === "E'") return quoted(matchAt(/.'(?:[^'\\]|''|\\[\s\S])*'/y, sql, at), "text");
  if (sql[at] === "'") return quoted(matchAt(/'(?:[^']|'')*'/y, sql, at), "text");
  if (sql[at] === '"') return quoted(matchAt(/"(?:[^"]|"")*"/y, sql, at), "name");
  const tag = matchAt(DOLLAR_TAG, sql, at);
  if (tag !== null) {
    const end = sql.indexOf(tag, at + tag.length);
    return quoted(end < 0 ? null : sql.slice(at, end + tag.length), "text");
  }
  return { kind: "code", text: matchAt(PLAIN, sql, at) ?? "" };
}

function quoted(text: string | null, what: string): Stretch {
  if (text === null) throw new Error(`A quoted ${what} is never closed.`);
  return { kind: "quoted", text };
}

/** Block comments nest in Postgres. */
function readBlockComment(sql: string, start: number): string {
  let depth = 0;
  for (let at = start; at < sql.length; at += 1) {
    const two = sql.slice(at, at + 2);
    if (two === "/*" || two === "*/") {
      depth += two === "/*" ? 1 : -1;
      at += 1;
    }
    if (depth === 0) return sql.slice(start, at + 1);
  }
  throw new Error("A comment is never closed.");
}

function matchAt(sticky: RegExp, text: string, at: number): string | null {
  sticky.lastIndex = at;
  return sticky.exec(text)?.[0] ?? null;
}
