import { findForgottenChain, rechainEvents } from "../../services/audit/adopt-chain.ts";
import type { Deps } from "../../services/deps.ts";
import type { SqlCheckpoints } from "./checkpoints.ts";
import type { SqlOutbox } from "./outbox.ts";

/**
 * Lets a log whose storage is empty, though Postgres has events of its chain, go on behind the last of them: what it has
 * numbered meanwhile is numbered anew. Nothing may be appended while this runs.
 *
 * @throws `database_unavailable`: nothing was changed.
 */
export async function adoptChain(
  outbox: SqlOutbox,
  checkpoints: SqlCheckpoints,
  deps: Pick<Deps, "auditCheckpoints" | "auditEvents" | "log" | "sha256">,
): Promise<void> {
  const found = await findForgottenChain({ outbox, events: deps.auditEvents, checkpoints: deps.auditCheckpoints });
  if (found === null) return;
  const waiting = outbox.pending(0, outbox.head().seq);
  const rechained = await rechainEvents(found.last, waiting, deps.sha256);
  checkpoints.adopt(found.anchor, found.checkpoints);
  outbox.replace(rechained);
  const fields = { chain: outbox.chain(), seq: found.last.seq, renumbered: rechained.length };
  deps.log.warn("the audit log was empty and goes on from what Postgres has", fields);
}
