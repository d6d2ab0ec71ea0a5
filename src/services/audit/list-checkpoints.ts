import type { Checkpoint } from "../../domain/audit-chain.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

export interface CheckpointPage {
  readonly checkpoints: readonly Checkpoint[];
  /** The `after` of the next page; null at the end. */
  readonly next: string | null;
}

/** The signed checkpoints of a chain, by number, `after` exclusive. @throws `database_unavailable` */
export async function listCheckpoints(
  { auditCheckpoints }: Pick<Deps, "auditCheckpoints">,
  scope: Scope,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<CheckpointPage> {
  // One more than asked for says whether there is a next page.
  const found = await auditCheckpoints.list(scope, after + 1, limit + 1);
  const checkpoints = found.slice(0, limit);
  const last = found.length > limit ? checkpoints.at(-1) : undefined;
  return { checkpoints, next: last === undefined ? null : String(last.seq) };
}
