/** What an operator keeps who sets nothing. */
export const AUDIT_KEPT_HOURS = 365 * 24;
const DAYS = 380;
/** Nothing is exactly as old as the rule says. */
const HALF = 0.5;

/** When each event of each chain was recorded, in hours ago, oldest first: somewhat more than a year. */
export function createYearOfEvents(workspaces: readonly string[]): ReadonlyMap<string, readonly number[]> {
  // More than a thousand in one of them, so that it has a checkpoint of its own on the way.
  return new Map([...workspaces.map((chain) => every(chain, 30)), every("wsp_unauthenticated", 7)]);
}

function every(chain: string, hours: number): readonly [string, readonly number[]] {
  const length = Math.floor((DAYS * 24) / hours);
  return [chain, Array.from({ length }, (_, n) => (length - n) * hours + HALF)];
}
