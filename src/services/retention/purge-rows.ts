import type { RowKind } from "../../domain/retention.ts";
import type { Deps } from "../deps.ts";

/** One statement's worth: well within the 10 s a statement may take. */
const PAGE = 1000;
/** What is left over waits for the next run; a busy day ends fewer than that. */
const MAX_PAGES = 100;

/** Purges rows of one kind in pages. @returns how many are gone. @throws `database_unavailable`. */
export async function purgeRows(deps: Pick<Deps, "retention">, kind: RowKind): Promise<number> {
  let purged = 0;
  for (let page = 0; page < MAX_PAGES; page++) {
    const gone = await deps.retention.purgeRows(kind, PAGE);
    purged += gone;
    if (gone < PAGE) break;
  }
  return purged;
}
