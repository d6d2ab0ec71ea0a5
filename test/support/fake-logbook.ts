import type { Log, LogFields } from "../../src/domain/ports/log.ts";

/** What the operator would read. */
export interface Logbook extends Log {
  readonly lines: readonly { readonly level: string; readonly message: string; readonly fields: LogFields }[];
}

export function createLogbook(): Logbook {
  const lines: { level: string; message: string; fields: LogFields }[] = [];
  const keep =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields });
  return { lines, info: keep("info"), warn: keep("warn"), error: keep("error") };
}
