import { expect, test } from "vitest";
import type { Page, PageRequest } from "../../src/domain/page.ts";

/** One list of a store, as the tests of paging need it. */
export interface ListUnderTest {
  add(): Promise<unknown>;
  list(page: PageRequest): Promise<Page<{ readonly id: string }>>;
  /** The row goes, as a purge takes it: nothing of it is left. */
  purge(id: string): Promise<unknown>;
}

const WHOLE = { limit: 50, after: null };

/** What paging through any list does; `start` begins a list that is empty or nearly so. */
export function describePages(name: string, start: () => Promise<ListUnderTest>): void {
  test(`pages of ${name} follow one another without gap or repeat`, async () => {
    const { list, ids } = await fill(start);
    const seen: string[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const page: Page<{ readonly id: string }> = await list.list({ limit: 2, after: after ?? null });
      expect(page.items.length).toBeGreaterThan(0);
      seen.push(...page.items.map(({ id }) => id));
      after = page.next;
    }
    expect(seen).toEqual(ids);
    expect((await list.list({ limit: ids.length, after: null })).next).toBeNull();
  });

  test(`the next page of ${name} comes although the last row of the one before was purged`, async () => {
    const { list, ids } = await fill(start);
    const first = await list.list({ limit: 2, after: null });
    await list.purge(ids[1] ?? "");
    const rest = await list.list({ ...WHOLE, after: first.next });
    expect(rest.items.map(({ id }) => id)).toEqual(ids.slice(2));
  });

  test(`${name} refuse a cursor that is none of theirs`, async () => {
    const { list, ids } = await fill(start);
    for (const after of [
      "",
      "x",
      "1",
      "1.x",
      `x.${ids[0]}`,
      `1.hsk_${"0".repeat(32)}`,
      `99999999999999999.${ids[0]}`,
    ]) {
      await expect(list.list({ ...WHOLE, after }), after).rejects.toMatchObject({ code: "invalid_request" });
    }
  });
}

async function fill(start: () => Promise<ListUnderTest>) {
  const list = await start();
  for (let added = 0; added < 5; added += 1) await list.add();
  const { items, next } = await list.list(WHOLE);
  expect(next).toBeNull();
  expect(items.length).toBeGreaterThanOrEqual(5);
  return { list, ids: items.map(({ id }) => id) };
}
