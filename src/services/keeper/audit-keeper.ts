import { createEntryKey } from "../../domain/audit-entry.ts";
import type { AuditAction } from "../../domain/audit-event.ts";
import { bySystem } from "../../domain/call.ts";
import type { JsonObject } from "../../domain/json.ts";
import type { Disconnector } from "../../domain/ports/keepers.ts";
import { type Keeper, requireRecord, updateRecord } from "./keeper.ts";
import type { UnrecordedDeed } from "./keeper-state.ts";
import { setNextAlarm } from "./next-alarm.ts";

interface Deed {
  readonly action: AuditAction;
  readonly outcome: "success" | "failure";
  readonly detail?: JsonObject;
  /** Left out when nobody asked for it: the keeper's own deed. */
  readonly by?: Disconnector;
}

const ITSELF: Disconnector = bySystem("keeper");

/**
 * What the record is to say is unrecorded once these are done. It belongs in the write that says they are, so that no
 * crash comes between; {@link recordDeeds} follows.
 */
export function withDeeds(
  keeper: Keeper,
  ...deeds: readonly Deed[]
): { readonly unrecorded: readonly UnrecordedDeed[] } {
  const { binding, unrecorded = [] } = requireRecord(keeper);
  const resource = { type: "connection", id: binding.id, provider: binding.provider } as const;
  const added = deeds.map(({ detail = {}, by = ITSELF, ...deed }) => ({
    key: createEntryKey(keeper.deps.random),
    entry: { ...deed, resource, ...by, detail },
  }));
  return { unrecorded: [...unrecorded, ...added] };
}

/**
 * Records what a keeper did, by itself or for whoever asked, in the workspace's chain, in order. Never throws: what the
 * log does not take stays, and the alarm tells it again.
 *
 * @returns whether nothing is left.
 */
export async function recordDeeds(keeper: Keeper): Promise<boolean> {
  for (let deed = nextDeed(keeper); deed !== null; deed = nextDeed(keeper)) {
    const { workspaceId } = requireRecord(keeper).binding;
    if (!(await keeper.deps.audit.recordOnce(workspaceId, deed.key, deed.entry))) return false;
    forgetDeed(keeper, deed);
  }
  return true;
}

function nextDeed(keeper: Keeper): UnrecordedDeed | null {
  return keeper.state.read()?.unrecorded?.[0] ?? null;
}

/** Another run may have told of it as well; a purge that follows it forgets the whole record. */
function forgetDeed(keeper: Keeper, { key }: UnrecordedDeed): void {
  const unrecorded = keeper.state.read()?.unrecorded ?? [];
  if (!unrecorded.some((deed) => deed.key === key)) return;
  updateRecord(keeper, { unrecorded: unrecorded.filter((deed) => deed.key !== key) });
  setNextAlarm(keeper);
}
