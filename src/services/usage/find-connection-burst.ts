import type { Abnormality, UsageMemory, UsageThresholds } from "../../domain/usage.ts";

const WINDOW_MS = 60_000;

/** Notes a call that connected an account. `request` names the call: what connects fifty accounts at once is one. */
export function findConnectionBurst(
  memory: UsageMemory,
  { connectsPerMinute }: UsageThresholds,
  who: string,
  request: string,
  atMs: number,
): Abnormality | null {
  const connects = memory.addConnect(who, request, atMs, atMs - WINDOW_MS);
  if (connects <= connectsPerMinute) return null;
  return { kind: "connection_burst", numbers: { connects_this_minute: connects, threshold: connectsPerMinute } };
}
