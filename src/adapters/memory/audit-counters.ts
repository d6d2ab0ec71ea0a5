import type { CountedEntry } from "../../domain/audit-chain.ts";
import type { AuditEntry } from "../../domain/audit-event.ts";

/** What one isolate has counted and not yet sent, by chain and key. */
export interface AuditCounters {
  /** True when this is the first of its key in this minute, which the caller sends at once; else it is counted here. */
  isFirst(chain: string, key: string, entry: AuditEntry, nowMs: number): boolean;
  /** True when the caller is to drain soon; nobody else is going to. */
  claimDrain(nowMs: number): boolean;
  /** Takes out what was counted: of one chain, or of every chain. */
  drain(chain?: string): ReadonlyMap<string, readonly CountedEntry[]>;
}

interface Counter extends CountedEntry {
  readonly chain: string;
  readonly minute: number;
  times: number;
}

/** More callers than this in a minute are sent one by one rather than held. */
const MAX_KEYS = 10_000;
const MINUTE_MS = 60_000;
/** A drain that was claimed this long ago died with its request; what it would have sent is still here. */
const DRAIN_PATIENCE_MS = 3000;

export function createAuditCounters(maxKeys = MAX_KEYS): AuditCounters {
  const counters = new Map<string, Counter>();
  let drainClaimedAtMs: number | null = null;

  return {
    isFirst: (chain, key, entry, nowMs) => {
      const minute = Math.floor(nowMs / MINUTE_MS);
      // A workspace id holds no space, so no two pairs share a name.
      const name = `${chain} ${key}`;
      const known = counters.get(name);
      if (known !== undefined && (known.minute === minute || known.times > 0)) {
        known.times += 1;
        return false;
      }
      if (counters.size >= maxKeys) forgetOver(counters, minute);
      if (counters.size < maxKeys || known !== undefined) counters.set(name, { chain, key, entry, minute, times: 0 });
      return true;
    },
    claimDrain: (nowMs) => {
      if (drainClaimedAtMs !== null && nowMs < drainClaimedAtMs + DRAIN_PATIENCE_MS) return false;
      drainClaimedAtMs = nowMs;
      return true;
    },
    drain: (chain) => {
      if (chain === undefined) drainClaimedAtMs = null;
      return takeCounted(counters, chain);
    },
  };
}

function takeCounted(counters: Map<string, Counter>, chain?: string): ReadonlyMap<string, readonly CountedEntry[]> {
  const taken = new Map<string, CountedEntry[]>();
  for (const counter of counters.values()) {
    if (counter.times === 0 || (chain !== undefined && counter.chain !== chain)) continue;
    const { key, entry, times } = counter;
    const ofChain = taken.get(counter.chain) ?? [];
    ofChain.push({ key, entry, times });
    taken.set(counter.chain, ofChain);
    counter.times = 0;
  }
  return taken;
}

/** Forgets minutes that are over and have nothing left to send. */
function forgetOver(counters: Map<string, Counter>, minute: number): void {
  for (const [name, counter] of counters) {
    if (counter.minute !== minute && counter.times === 0) counters.delete(name);
  }
}
