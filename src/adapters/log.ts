import { LOG_LEVELS, type Log, type LogFields, type LogLevel } from "../domain/ports/log.ts";
import { redact } from "../domain/redaction.ts";
import { HIDDEN, type Secret } from "../domain/secret.ts";

export interface LogOptions {
  /** Lines of a lower level are left out. */
  readonly level: LogLevel;
  /** Values that must never be in a line, wherever they come from. */
  readonly secrets: readonly Secret<string>[];
  /** Where a line goes; Workers Logs reads the console. */
  readonly console?: Pick<Console, "log" | "warn" | "error">;
}

/** A shorter value is part of ordinary words. */
const MIN_SECRET_CHARACTERS = 8;

/** The operator's log. A field that gets past the types is still filtered: by look, and by the deployment's own secrets. */
export function createLog({ level, secrets, console: out = console }: LogOptions): Log {
  const values = secrets.map((secret) => secret.reveal()).filter((value) => value.length >= MIN_SECRET_CHARACTERS);
  const lowest = LOG_LEVELS.indexOf(level);

  function write(to: LogLevel, message: string, fields: LogFields): void {
    if (LOG_LEVELS.indexOf(to) < lowest) return;
    const line = toLine({ level: to, message, ...fields }, values);
    if (to === "info") out.log(line);
    else out[to](line);
  }

  return {
    info: (message, fields = {}) => write("info", message, fields),
    warn: (message, fields = {}) => write("warn", message, fields),
    error: (message, fields = {}) => write("error", message, fields),
  };
}

/** Each text is filtered by itself, so that the line stays JSON whatever was in it. */
function toLine(fields: LogFields, values: readonly string[]): string {
  const filter = (text: string) => redact(values.reduce((left, value) => left.replaceAll(value, HIDDEN), text));
  return JSON.stringify(fields, (name, value: unknown) => {
    if (typeof value !== "string") return value;
    // A text under a name that says what it is needs no look of its own.
    return SECRET_NAME.test(name) ? HIDDEN : filter(value);
  });
}

const SECRET_NAME = /^(?:.*_)?(?:password|secret|token|api_?key|authorization|cookie|private_?key|ticket)$/i;
