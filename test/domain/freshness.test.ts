import { describe, expect, test } from "vitest";
import { isDue, isExpired, type Lifetime, marginSeconds, refreshDueAt } from "../../src/domain/freshness.ts";
import { addSeconds, epochSeconds } from "../../src/domain/time.ts";

const ISSUED = epochSeconds(1_800_000_000);
const living = (seconds: number): Lifetime => ({ issuedAt: ISSUED, expiresAt: addSeconds(ISSUED, seconds) });
const UNKNOWN: Lifetime = { issuedAt: ISSUED, expiresAt: null };

describe("the margin", () => {
  test.each([
    [3600, 300],
    [301, 300],
    [300, 150],
    [120, 60],
    [1, 0.5],
    [0, 0],
    [-50, 0],
  ])("of a life of %d s is %d s", (life, margin) => {
    expect(marginSeconds(living(life))).toBe(margin);
  });

  test("of an unknown life is none", () => {
    expect(marginSeconds(UNKNOWN)).toBe(0);
  });
});

describe("a credential", () => {
  test("is due from the margin on, to the second", () => {
    expect(isDue(living(3600), addSeconds(ISSUED, 3299))).toBe(false);
    expect(isDue(living(3600), addSeconds(ISSUED, 3300))).toBe(true);
  });

  test("of a short life is due at half of it, not at once", () => {
    expect(isDue(living(300), addSeconds(ISSUED, 149))).toBe(false);
    expect(isDue(living(300), addSeconds(ISSUED, 150))).toBe(true);
  });

  test("is expired in the second it names", () => {
    expect(isExpired(living(10), addSeconds(ISSUED, 9))).toBe(false);
    expect(isExpired(living(10), addSeconds(ISSUED, 10))).toBe(true);
  });

  test("of unknown life is never due and never expired", () => {
    const late = addSeconds(ISSUED, 1e9);
    expect([isDue(UNKNOWN, late), isExpired(UNKNOWN, late), refreshDueAt(UNKNOWN, 0.5)]).toEqual([false, false, null]);
  });

  test("that came expired is due", () => {
    expect(isDue(living(-10), ISSUED)).toBe(true);
    expect(refreshDueAt(living(-10), 0.5)).toBe(ISSUED);
  });
});

describe("the time of its own refresh", () => {
  test.each([2, 20, 120, 300, 302, 400, 600, 700, 3600, 86_400, 31_536_000])("for a life of %d s", (life) => {
    for (const random of [0, 0.25, 0.5, 0.999999]) {
      const dueAt = refreshDueAt(living(life), random) ?? 0;
      expect(dueAt - ISSUED).toBeGreaterThanOrEqual(life / 2);
      expect(dueAt - ISSUED).toBeLessThanOrEqual(Math.max(life - 300, life / 2));
      expect(dueAt - ISSUED).toBeGreaterThanOrEqual(life - 300 - 61);
    }
  });

  test("differs among connections that were made together", () => {
    const times = [0, 0.3, 0.6, 0.9].map((random) => refreshDueAt(living(3600), random));
    expect(new Set(times).size).toBe(4);
  });
});
