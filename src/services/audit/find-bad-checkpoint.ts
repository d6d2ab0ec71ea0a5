import type { ChainMemory } from "../../domain/audit-chain.ts";
import { isSameCheckpoint } from "../../domain/audit-checkpoint.ts";
import type { Scope } from "../../domain/principal.ts";
import type { Deps } from "../deps.ts";

/**
 * The lowest number from `fromSeq` to `toSeq` at which a stored checkpoint is not the one that was signed, is missing,
 * or is one the log never signed; null when all are right.
 */
export async function findBadCheckpoint(
  { auditCheckpoints }: Pick<Deps, "auditCheckpoints">,
  scope: Scope,
  { marks }: ChainMemory,
  fromSeq: number,
  toSeq: number,
): Promise<number | null> {
  const isWithin = ({ seq }: { readonly seq: number }) => seq >= fromSeq && seq <= toSeq;
  const remembered = new Map(marks.filter(isWithin).map(({ seq, checkpoint }) => [seq, checkpoint]));
  // One more than there should be: an added one pushes the last of ours out, or is the last itself.
  const found = await auditCheckpoints.list(scope, fromSeq, remembered.size + 1);
  const stored = new Map(found.filter(isWithin).map((checkpoint) => [checkpoint.seq, checkpoint]));
  const bad = [...new Set([...remembered.keys(), ...stored.keys()])].filter((seq) => {
    const [ours, theirs] = [remembered.get(seq), stored.get(seq)];
    if (ours === null) return false;
    return ours === undefined || theirs === undefined || !isSameCheckpoint(ours, theirs);
  });
  return bad.length === 0 ? null : Math.min(...bad);
}
