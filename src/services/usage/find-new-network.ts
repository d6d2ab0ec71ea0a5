import { networkOf } from "../../domain/address.ts";
import type { Abnormality, UsageMemory, UsageThresholds } from "../../domain/usage.ts";

const HOUR_MS = 3_600_000;
/** A network a key was not seen from for so long is new again. */
const REMEMBERED_MS = 30 * 24 * HOUR_MS;

/** Notes from which network a key was used, and says so when its owner would wonder. `ip` null = not known. */
export function findNewNetwork(
  memory: UsageMemory,
  { networkLearningHours, roamingNetworks }: UsageThresholds,
  key: string,
  ip: string | null,
  atMs: number,
): Abnormality | null {
  const network = ip === null ? null : networkOf(ip);
  if (network === null) return null;
  const { firstSeenMs, known } = memory.networks(key, atMs - REMEMBERED_MS);
  memory.keepNetwork(key, network, atMs);
  const isLearning = firstSeenMs === null || atMs - firstSeenMs < networkLearningHours * HOUR_MS;
  if (isLearning || known.includes(network) || known.length >= roamingNetworks) return null;
  const hoursKnown = Math.floor((atMs - firstSeenMs) / HOUR_MS);
  return { kind: "new_network", numbers: { network, known_networks: known.length, hours_known: hoursKnown } };
}
