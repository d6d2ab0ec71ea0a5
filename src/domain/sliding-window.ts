/** `count` calls that stay counted until `windowMs` after `atMs`. */
export interface WindowEntry {
  readonly atMs: number;
  readonly count: number;
}

/** Tokens of an earlier lease that were never spent and never will be. */
export type UnspentLease = WindowEntry;

/** One ask of a window: up to `count` calls, at most `limit` in any `windowMs`. */
export interface TakeRequest {
  readonly limit: number;
  readonly windowMs: number;
  readonly count: number;
  /** How long the caller may hold what it is granted before it spends it; 0 = spent at once. */
  readonly leaseMs: number;
  readonly unspent: readonly UnspentLease[];
}

export interface Taken {
  /** How many of the asked calls may pass, 0 to `count`. */
  readonly granted: number;
  readonly remaining: number;
  /** Until the next call may pass when nothing is left; else until the window is empty. */
  readonly resetMs: number;
  /** Where the grant was written down; names it in a later `unspent`. */
  readonly atMs: number;
}

export interface WindowChange {
  readonly taken: Taken;
  /** The window after the ask, oldest first, without what has left it. */
  readonly entries: readonly WindowEntry[];
}

/** What the `RateLimiter` object answers over RPC. `nowMs` is for tests. */
export interface RateLimiterObject {
  take(request: TakeRequest & { readonly nowMs?: number }): Promise<Taken>;
}

/** Leases are written down at multiples of this part of the window, so that no window has more entries than about this. */
const LEASED_ENTRIES = 500;

/**
 * Takes up to `request.count` calls from the window, all counted by the time this answers.
 *
 * A call counts in (now − window, now]. A leased batch is written down at the END of its lease, the latest moment any of
 * it can be spent, and counts from now on: so whenever it is spent in between, every window that holds a spent token
 * also held its batch when the last grant of that window was decided, and the limit is never exceeded. The price is that
 * a leased token counts for up to one lease longer than it had to.
 */
export function takeFromWindow(entries: readonly WindowEntry[], request: TakeRequest, nowMs: number): WindowChange {
  const current = withoutUnspent(entries, request.unspent).filter(({ atMs }) => atMs > nowMs - request.windowMs);
  const granted = Math.max(Math.min(request.count, request.limit - countEntries(current)), 0);
  const atMs = stampOf(request, nowMs);
  const next = granted === 0 ? current : withEntry(current, { atMs, count: granted });
  const remaining = Math.max(request.limit - countEntries(next), 0);
  // With nothing left the next call waits for the oldest entry; it waits longer only if the limit was lowered.
  const awaited = remaining === 0 ? next[0] : next.at(-1);
  const resetMs = awaited === undefined ? request.windowMs : awaited.atMs + request.windowMs - nowMs;
  return { taken: { granted, remaining, resetMs, atMs }, entries: next };
}

/** How many calls the entries stand for. */
export function countEntries(entries: readonly WindowEntry[]): number {
  return entries.reduce((sum, { count }) => sum + count, 0);
}

function stampOf({ leaseMs, windowMs }: TakeRequest, nowMs: number): number {
  if (leaseMs === 0) return nowMs;
  const grainMs = Math.max(Math.ceil(windowMs / LEASED_ENTRIES), 1);
  // Rounded up: counted a little longer, never shorter.
  return Math.ceil((nowMs + leaseMs) / grainMs) * grainMs;
}

function withEntry(entries: readonly WindowEntry[], added: WindowEntry): readonly WindowEntry[] {
  const same = entries.find(({ atMs }) => atMs === added.atMs);
  const others = entries.filter((entry) => entry !== same);
  return [...others, { atMs: added.atMs, count: added.count + (same?.count ?? 0) }].sort((a, b) => a.atMs - b.atMs);
}

function withoutUnspent(entries: readonly WindowEntry[], unspent: readonly UnspentLease[]): readonly WindowEntry[] {
  if (unspent.length === 0) return entries;
  const given = new Map<number, number>();
  for (const { atMs, count } of unspent) given.set(atMs, (given.get(atMs) ?? 0) + Math.max(count, 0));
  return entries
    .map(({ atMs, count }) => ({ atMs, count: count - (given.get(atMs) ?? 0) }))
    .filter(({ count }) => count > 0);
}
