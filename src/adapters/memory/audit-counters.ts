import type { CountedEntry } from "../../domain/audit-chain.ts";
import type { AuditEntry } from "../../domain/audit-event.ts";
import { shareEntry } from "../../domain/repeated-entry.ts";

/** What one isolate has counted and not yet sent, by chain and key. */
export interface AuditCounters {
  /**
   * True when nothing of its key is known to be on disk in this minute: the caller sends it at once, and waits. Else it
   * is counted here.
   */
  isFirst(chain: string, key: string, entry: AuditEntry, nowMs: number): boolean;
  /** Says that one which was sent as a first at that time is on disk. */
  confirm(chain: string, key: string, sentAtMs: number): void;
  /** True when the caller is to drain soon; nobody else is going to. */
  claimDrain(nowMs: number): boolean;
  /** Takes out what was counted: of one chain, or of every chain. */
  drain(chain?: string): ReadonlyMap<string, readonly CountedEntry[]>;
}

interface Counter extends CountedEntry {
  readonly chain: string;
  /** What is true of all that are counted here. */
  entry: AuditEntry;
  minute: number;
  /** The minute's first is on disk. Those that come before that are sent one by one, not held behind it. */
  isConfirmed: boolean;
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
      const minute = minuteOf(nowMs);
      const known = counters.get(nameOf(chain, key));
      if (known !== undefined) return isFirstOf(known, entry, minute);
      if (counters.size >= maxKeys) forgetOver(counters, minute);
      if (counters.size < maxKeys) {
        counters.set(nameOf(chain, key), { chain, key, entry, minute, isConfirmed: false, times: 0 });
      }
      return true;
    },
    confirm: (chain, key, sentAtMs) => {
      const counter = counters.get(nameOf(chain, key));
      if (counter?.minute === minuteOf(sentAtMs)) counter.isConfirmed = true;
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

function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS);
}

/** A workspace id holds no space, so no two pairs share a name. */
function nameOf(chain: string, key: string): string {
  return `${chain} ${key}`;
}

/** Counts it unless it is a first. What is left of the minute before stays, and is sent with what this one counts. */
function isFirstOf(counter: Counter, entry: AuditEntry, minute: number): boolean {
  if (counter.minute === minute && counter.isConfirmed) {
    counter.entry = counter.times === 0 ? entry : shareEntry(counter.entry, entry);
    counter.times += 1;
    return false;
  }
  if (counter.minute !== minute) {
    counter.minute = minute;
    counter.isConfirmed = false;
  }
  return true;
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
