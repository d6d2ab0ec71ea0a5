import type { RandomBytes } from "../domain/ports/clock.ts";

/** The first retry comes within two seconds, later ones within at most fifteen minutes. */
const BASE_SECONDS = 2;
const CAP_SECONDS = 900;

/** Seconds until the next try: exponential with full jitter, never less than what the other side asked for. */
export function backoffSeconds(failures: number, random: number, retryAfterSeconds: number): number {
  const ceiling = Math.min(CAP_SECONDS, BASE_SECONDS * 2 ** Math.min(failures, 20));
  return Math.max(1, Math.ceil(random * ceiling), retryAfterSeconds);
}

/** A random number, 0 ≤ n < 1. */
export function randomFraction(random: RandomBytes): number {
  const bytes = random(4);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32;
}
