import { removeComments } from "../migrate/split-statements.ts";
import type { Statement } from "./protocol.ts";
import { SqlError } from "./sql-error.ts";

/** The request is a transaction of its own: a statement that ended it would run the rest outside. */
const TRANSACTION_CONTROL = new Set([
  "abort",
  "begin",
  "commit",
  "end",
  "prepare transaction",
  "release",
  "rollback",
  "savepoint",
  "start",
]);

/** `\W` also takes the underscore's place: the setting is written both ways. */
const SESSION_AUTHORIZATION = /session(?:_|\s+)authorization/i;

/**
 * Refuses text that would leave the transaction or the role of its request.
 *
 * Embedded, every role shares one connection that was opened by the superuser, and `session_authorization` leads back
 * to it. What cannot be seen in the text (a setting's name put together at run time) is refused by the roles of
 * `embedded-roles.ts`, so the Worker's role has no way up. The owner and the admin may run blocks: one that goes up and
 * does not come back is undone; one that comes back would not be seen, which only tools for tampering could want.
 *
 * @param mayRunBlocks False refuses `DO`, which could put a refused statement together at run time.
 * @throws SqlError `2D000`, `42501` or `0A000`.
 */
export function requireHarmless({ text }: Statement, mayRunBlocks: boolean): void {
  const code = readCode(text);
  const words = code.toLowerCase().split(/[^a-z_]+/, 2);
  const firstWord = words[0] ?? "";
  if (TRANSACTION_CONTROL.has(firstWord) || TRANSACTION_CONTROL.has(words.join(" "))) {
    throw new SqlError("2D000", "A request is one transaction: it cannot be controlled from inside.");
  }
  if (firstWord === "copy") throw new SqlError("0A000", "COPY is not possible over HTTP.");
  const isSetting = firstWord === "set" || firstWord === "reset";
  // `U&"…"` can spell a setting's name in escapes.
  if (SESSION_AUTHORIZATION.test(code) || (isSetting && /authorization|u&/i.test(code))) {
    throw new SqlError("42501", "permission denied to set session authorization");
  }
  if (firstWord === "do" && !mayRunBlocks) throw new SqlError("42501", "permission denied for language plpgsql");
}

function readCode(text: string): string {
  try {
    return removeComments(text).trim();
  } catch {
    // A quote is never closed: Postgres will say so, better than this stand-in could.
    return text.trim();
  }
}
