import type { PageRequest } from "../../domain/ports/identity-stores.ts";

/** A part of a list, and where the next part begins: pass `next` as `after`. Null at the end. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** Reads one row more than was asked for, which tells whether there is a next part. */
export async function toPage<Id, Item extends { readonly id: string }>(
  request: PageRequest<Id>,
  read: (wider: PageRequest<Id>) => Promise<readonly Item[]>,
): Promise<Page<Item>> {
  const rows = await read({ ...request, limit: request.limit + 1 });
  const items = rows.slice(0, request.limit);
  return { items, next: rows.length > request.limit ? (items.at(-1)?.id ?? null) : null };
}
