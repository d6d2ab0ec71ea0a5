import { describe, expect, test } from "vitest";
import { addSeconds, epochSeconds, toRfc3339 } from "../../src/domain/time.ts";

const LAST = 253_402_300_799;

describe("a time", () => {
  test.each([
    [0, 0],
    [1.9, 1],
    [LAST, LAST],
    [LAST + 0.5, LAST],
  ])("%d is %d", (value, expected) => {
    expect(epochSeconds(value)).toBe(expected);
  });

  test.each([-1, -0.5, LAST + 1, Number.NaN, Infinity, -Infinity])("%d is none", (value) => {
    expect(() => epochSeconds(value)).toThrow(RangeError);
  });

  test("never leaves the years 1970 to 9999 by adding", () => {
    expect(addSeconds(epochSeconds(10), -60)).toBe(0);
    expect(addSeconds(epochSeconds(LAST), 1e18)).toBe(LAST);
    expect(addSeconds(epochSeconds(10), 0.9)).toBe(10);
  });

  test("is written in UTC with whole seconds", () => {
    expect(toRfc3339(epochSeconds(0))).toBe("1970-01-01T00:00:00Z");
    expect(toRfc3339(epochSeconds(1_795_341_600))).toBe("2026-11-22T10:00:00Z");
    expect(toRfc3339(epochSeconds(LAST))).toBe("9999-12-31T23:59:59Z");
    expect(toRfc3339(null)).toBeNull();
  });
});
