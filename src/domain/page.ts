/** A part of a list: at most `limit` items of what follows the part whose `next` was `after`; null = from the start. */
export interface PageRequest {
  readonly limit: number;
  readonly after: string | null;
}

/** A part of a list. `next` is the `after` of the part that follows, opaque to whoever passes it on; null at the end. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}
