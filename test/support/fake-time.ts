import { type EpochSeconds, epochSeconds } from "../../src/domain/time.ts";

/** A clock that is moved by hand, and sleeps that end when it passes them. */
export interface FakeTime {
  readonly now: () => EpochSeconds;
  readonly nowMs: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Lets everything that waits for nothing but its turn go on. */
  flush(): Promise<void>;
  /** Moves the clock, ending sleeps in order; `atMs` names one more thing that happens at a time, null = none. */
  advance(seconds: number, alarm?: { atMs(): number | null; fire(): void }): Promise<void>;
}

export const START_SECONDS = 1_800_000_000;

export function createFakeTime(): FakeTime {
  let ms = START_SECONDS * 1000;
  const sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];
  const flush = () => new Promise<void>((resolve) => setImmediate(resolve));
  const wakeSleepers = () => {
    for (const sleeper of sleepers.filter(({ atMs }) => atMs <= ms)) {
      sleepers.splice(sleepers.indexOf(sleeper), 1);
      sleeper.wake();
    }
  };

  return {
    now: () => epochSeconds(ms / 1000),
    nowMs: () => ms,
    sleep: (milliseconds) =>
      new Promise((resolve) => {
        sleepers.push({ atMs: ms + milliseconds, wake: resolve });
      }),
    flush,
    async advance(seconds, alarm) {
      const endMs = ms + seconds * 1000;
      await flush();
      for (;;) {
        const alarmMs = alarm?.atMs() ?? Infinity;
        const nextMs = Math.min(alarmMs, ...sleepers.map(({ atMs }) => atMs));
        if (nextMs > endMs) break;
        ms = Math.max(ms, nextMs);
        if (alarmMs <= ms) alarm?.fire();
        wakeSleepers();
        await flush();
      }
      ms = endMs;
    },
  };
}
