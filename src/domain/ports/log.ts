/** What a line of the operator's log may hold: ids, numbers, words of ours. A {@link Secret} does not fit. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export const LOG_LEVELS = ["info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The operator's log: one JSON line each, with what looks like a credential taken out. Never throws. */
export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
