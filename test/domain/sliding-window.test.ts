import { describe, expect, test } from "vitest";
import { countEntries, type TakeRequest, takeFromWindow, type WindowEntry } from "../../src/domain/sliding-window.ts";

const START = 1_800_000_000_000;
const FIVE_A_MINUTE: TakeRequest = { limit: 5, windowMs: 60_000, count: 1, leaseMs: 0, unspent: [] };

/** Takes at each of the times, and says at which of them a call passed. */
function passedAt(times: readonly number[], request = FIVE_A_MINUTE): readonly number[] {
  let entries: readonly WindowEntry[] = [];
  return times.filter((ms) => {
    const change = takeFromWindow(entries, request, START + ms);
    entries = change.entries;
    return change.taken.granted > 0;
  });
}

describe("an exact window", () => {
  test("lets as many calls pass as the limit says, and no more", () => {
    expect(passedAt([0, 0, 0, 0, 0, 0, 0])).toHaveLength(5);
  });

  test("refuses at the last millisecond of the window and passes at the next", () => {
    expect(passedAt([0, 0, 0, 0, 0, 59_999, 60_000])).toEqual([0, 0, 0, 0, 0, 60_000]);
  });

  test("never lets more than the limit pass across the edge of a minute", () => {
    const late = Array.from({ length: 10 }, (_, index) => 55_000 + index);
    const early = Array.from({ length: 10 }, (_, index) => 60_000 + index);
    expect(passedAt([...late, ...early])).toHaveLength(5);
  });

  test("does not count refused calls, so a flood does not keep itself out", () => {
    const flood = Array.from({ length: 600 }, (_, index) => index * 100);
    expect(passedAt([...flood, 60_000])).toContain(60_000);
  });

  test("never lets more than the limit pass in any window of a long random sequence", () => {
    const times: number[] = [];
    for (let ms = 0, seed = 7; times.length < 2000; seed = (seed * 1103515245 + 12345) % 2 ** 31) {
      ms += seed % 9000;
      times.push(ms);
    }
    const passed = passedAt(times);
    const worst = passed.map((from) => passed.filter((at) => at >= from && at < from + 60_000).length);
    expect(Math.max(...worst)).toBe(5);
  });

  test("a refused caller is told when the oldest call leaves the window", () => {
    const full = [0, 10_000, 20_000, 30_000, 40_000].map((ms) => ({ atMs: START + ms, count: 1 }));
    expect(takeFromWindow(full, FIVE_A_MINUTE, START + 45_000).taken).toMatchObject({
      granted: 0,
      remaining: 0,
      resetMs: 15_000,
    });
  });

  test("an allowed caller is told what remains and when the window is empty", () => {
    const one = [{ atMs: START, count: 1 }];
    expect(takeFromWindow(one, FIVE_A_MINUTE, START + 10_000).taken).toMatchObject({
      granted: 1,
      remaining: 3,
      resetMs: 60_000,
    });
  });

  test("grants part of a batch when the rest would exceed the limit", () => {
    expect(takeFromWindow([{ atMs: START, count: 3 }], { ...FIVE_A_MINUTE, count: 4 }, START).taken.granted).toBe(2);
  });

  test.each([0, -1])("an ask for %d calls is granted nothing and gives nothing back", (count) => {
    const { taken, entries } = takeFromWindow([{ atMs: START, count: 3 }], { ...FIVE_A_MINUTE, count }, START);
    expect(taken.granted).toBe(0);
    expect(countEntries(entries)).toBe(3);
  });

  test("a limit that was lowered refuses until enough calls have left", () => {
    const { taken } = takeFromWindow([{ atMs: START, count: 5 }], { ...FIVE_A_MINUTE, limit: 2 }, START + 1);
    expect(taken).toMatchObject({ granted: 0, remaining: 0 });
  });

  test("a clock that steps back forgets nothing", () => {
    expect(takeFromWindow([{ atMs: START, count: 5 }], FIVE_A_MINUTE, START - 5000).taken.granted).toBe(0);
  });
});

describe("a leased batch", () => {
  const LEASE: TakeRequest = { limit: 100, windowMs: 60_000, count: 10, leaseMs: 1500, unspent: [] };

  test("counts from the grant on", () => {
    const { entries } = takeFromWindow([], { ...LEASE, count: 100 }, START);
    expect(takeFromWindow(entries, LEASE, START).taken.granted).toBe(0);
  });

  test("counts until a window after the END of its lease, when its last call may have been spent", () => {
    const { entries } = takeFromWindow([], { ...LEASE, count: 100 }, START);
    expect(takeFromWindow(entries, LEASE, START + 60_000 + 1499).taken.granted).toBe(0);
    expect(takeFromWindow(entries, LEASE, START + 60_000 + 1500 + 120).taken.granted).toBe(10);
  });

  test("never exceeds the limit in any window, whenever its calls are spent within the lease", () => {
    let entries: readonly WindowEntry[] = [];
    const spent: number[] = [];
    for (let ms = 0; ms < 300_000; ms += 700) {
      const { taken, entries: next } = takeFromWindow(entries, LEASE, START + ms);
      entries = next;
      // As late as allowed for one batch, at once for the next: the worst that two isolates can do together.
      const delayMs = (ms / 700) % 2 === 0 ? 1500 : 0;
      for (let call = 0; call < taken.granted; call++) spent.push(ms + delayMs);
    }
    const worst = spent.map((from) => spent.filter((at) => at >= from && at < from + 60_000).length);
    expect(Math.max(...worst)).toBeLessThanOrEqual(100);
  });

  test("gives back what was handed back unspent", () => {
    const first = takeFromWindow([], { ...LEASE, count: 100 }, START);
    const unspent = [{ atMs: first.taken.atMs, count: 40 }];
    expect(takeFromWindow(first.entries, { ...LEASE, count: 60, unspent }, START + 2000).taken.granted).toBe(40);
  });

  test.each([
    ["more than was granted", [{ atMs: 0, count: 500 }], 100],
    ["a negative number", [{ atMs: 0, count: -500 }], 0],
    ["a lease nobody was granted", [{ atMs: 12_345, count: 50 }], 0],
  ])("handing back %s does not raise the limit", (_, unspent, free) => {
    const first = takeFromWindow([], { ...LEASE, count: 100 }, START);
    const handedBack = unspent.map(({ atMs, count }) => ({ atMs: atMs === 0 ? first.taken.atMs : atMs, count }));
    const request = { ...LEASE, count: 1000, unspent: handedBack };
    expect(takeFromWindow(first.entries, request, START).taken.granted).toBe(free);
  });

  test("takes bounded room, however many leases there are", () => {
    let entries: readonly WindowEntry[] = [];
    for (let ms = 0; ms < 120_000; ms += 5) {
      entries = takeFromWindow(entries, { ...LEASE, limit: 1_000_000, count: 1 }, START + ms).entries;
    }
    expect(entries.length).toBeLessThan(520);
  });
});
