import { toHex } from "./domain/ids.ts";
import { epochSeconds } from "./domain/time.ts";

// The platform's time and chance, which everything below deps.ts is handed as arguments.

export function now() {
  return epochSeconds(Date.now() / 1000);
}

/** The clock of objects that need nothing else. */
export function nowMs(): number {
  return Date.now();
}

export function random(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes));
}

export async function sha256(text: string): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

export function sleep(milliseconds: number): Promise<void> {
  return scheduler.wait(milliseconds);
}

/** What `work` gives; null when that takes longer than `milliseconds`, and then it goes on for nobody. */
export async function within<Result>(milliseconds: number, work: Promise<Result>): Promise<Result | null> {
  // Taken back when it is not needed: a pending timer would keep an object from sleeping.
  const timer = new AbortController();
  const isLate = scheduler.wait(milliseconds, { signal: timer.signal }).then(
    () => null,
    () => null,
  );
  try {
    return await Promise.race([work, isLate]);
  } finally {
    timer.abort();
  }
}
