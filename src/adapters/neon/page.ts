import { AppError } from "../../domain/errors.ts";
import { type IdKind, readId } from "../../domain/ids.ts";
import type { Page } from "../../domain/page.ts";
import type { Row } from "./database.ts";
import { readText } from "./row.ts";

/**
 * The sort key a part of a list ended with: when its last row was made, in microseconds since the epoch, and its id.
 * The key and not a row to look up: that row may be gone, or hidden from the reader, when the next part is asked for.
 */
export interface Position {
  readonly madeAt: string | null;
  readonly id: string | null;
}

/** Sixteen digits of microseconds reach beyond the year 2200. */
const CURSOR = /^(\d{1,16})\.(.+)$/;
const START: Position = { madeAt: null, id: null };

/**
 * The position in a cursor as the queries select it, `{microseconds}.{id}`.
 *
 * @throws `invalid_request` when it is none of this list.
 */
export function readPosition(kind: IdKind, after: string | null): Position {
  if (after === null) return START;
  const [, madeAt, id] = CURSOR.exec(after) ?? [];
  if (madeAt !== undefined && readId(kind, id) !== null) return { madeAt, id: id ?? null };
  throw new AppError("invalid_request", "`after` must be what `next` was in an earlier answer.");
}

/** The rows as a page; the query reads one more than `limit`, which tells whether there is a next part. */
export function toPage<Item>(rows: readonly Row[] = [], limit: number, toItem: (row: Row) => Item): Page<Item> {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    items: rows.slice(0, limit).map(toItem),
    next: last === undefined ? null : readText(last, "cursor"),
  };
}
