import type { ConnectionBinding } from "../../domain/connection.ts";
import type { Deps } from "../deps.ts";

/** A page is taken apart at once; a Worker has six connections out at a time, and a keeper is one. */
const PAGE = 50;
/** As long as a page takes while the secret store is slow; then another run may have the row. */
const LEASE_SECONDS = 120;
/** A run may make 10,000 calls and last 15 minutes; 2,000 keepers take a fifth of the calls. */
const MAX_PAGES = 40;

/**
 * Purges soft-deleted connections: the keeper takes secret, copies and itself away, and only then the row goes.
 * One whose keeper could not finish stays for the next run.
 *
 * @returns how many are gone. @throws `database_unavailable`.
 */
export async function purgeConnections(deps: Pick<Deps, "keepers" | "log" | "retention">): Promise<number> {
  let purged = 0;
  for (let page = 0; page < MAX_PAGES; page++) {
    const retired = await deps.retention.leaseConnections(PAGE, LEASE_SECONDS);
    const gone = (await Promise.all(retired.map((binding) => takeApart(deps, binding)))).flat();
    if (gone.length > 0) purged += await deps.retention.purgeConnections(gone);
    // Not one of them: the secret store is away, and the rest would only wait for it as long.
    if (retired.length < PAGE || gone.length === 0) break;
  }
  return purged;
}

/** The id once nothing of it is left but the row. */
async function takeApart(deps: Pick<Deps, "keepers" | "log">, binding: ConnectionBinding): Promise<readonly string[]> {
  try {
    return (await deps.keepers.purge(binding)) === "purged" ? [binding.id] : [];
  } catch {
    // One keeper in trouble must not keep the others: what is lost is a day, since its row stays.
    deps.log.error("a keeper could not be purged", { connection: binding.id });
    return [];
  }
}
