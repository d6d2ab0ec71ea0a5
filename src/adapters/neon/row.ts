import { type EpochSeconds, epochSeconds } from "../../domain/time.ts";
import type { Row } from "./database.ts";

/** The text in a column that is never null. */
export function readText(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new Error(`column ${column} is not text`);
  return value;
}

export function readNullableText(row: Row, column: string): string | null {
  return row[column] == null ? null : readText(row, column);
}

/** The time in a timestamptz column that is never null; the driver parses it into a Date. */
export function readTime(row: Row, column: string): EpochSeconds {
  const value = row[column];
  if (!(value instanceof Date)) throw new Error(`column ${column} is not a time`);
  return epochSeconds(value.getTime() / 1000);
}

export function readNullableTime(row: Row, column: string): EpochSeconds | null {
  return row[column] == null ? null : readTime(row, column);
}

/** A parameter for a timestamptz column. */
export function timeParameter(time: EpochSeconds | null): string | null {
  return time === null ? null : new Date(time * 1000).toISOString();
}
