import { describe, expect, test } from "vitest";
import { credentialEndOf, warnOfEnd } from "../../src/domain/credential-end.ts";
import { addSeconds, epochSeconds } from "../../src/domain/time.ts";

const NOW = epochSeconds(1_800_000_000);
const DAY = 86_400;

describe("the end of what a person gave", () => {
  test.each([
    ["2027-01-15T08:00:00Z", NOW],
    ["2027-01-15T10:00:00+02:00", NOW],
    ["2027-01-15T08:00:00.999Z", NOW],
    ["2027-01-15", null],
    ["2027-01-15T08:00:00", null],
    ["1800000000", null],
    ["2027-13-15T08:00:00Z", null],
    ["1969-01-01T00:00:00Z", null],
    ["", null],
  ])("%j is read as %j", (text, expected) => {
    expect(credentialEndOf({ ends: text }, "ends")).toBe(expected);
  });

  test("is not known of a secret without the field, nor of a provider without one", () => {
    expect(credentialEndOf({}, "ends")).toBeNull();
    expect(credentialEndOf({ ends: 1_800_000_000 }, "ends")).toBeNull();
    expect(credentialEndOf({ ends: "2027-01-15T08:00:00Z" }, undefined)).toBeNull();
  });

  test.each([
    [30 * DAY + 1, null],
    [30 * DAY, { code: "client_secret_expiring", daysLeft: 30 }],
    [29 * DAY + 1, { code: "client_secret_expiring", daysLeft: 30 }],
    [1, { code: "client_secret_expiring", daysLeft: 1 }],
    [0, { code: "client_secret_expired", daysLeft: 0 }],
    [-DAY, { code: "client_secret_expired", daysLeft: 0 }],
  ])("%i seconds before it the warning is %j", (seconds, expected) => {
    const warning = warnOfEnd(addSeconds(NOW, seconds), NOW);
    if (expected === null) return expect(warning).toBeNull();
    expect(warning).toMatchObject({ ...expected, expiresAt: addSeconds(NOW, seconds) });
    expect(warning?.message).toMatch(/^The client secret expire[sd] on 2027-\d\d-\d\d: .+\.$/);
  });

  test("nothing is warned of where nobody said", () => {
    expect(warnOfEnd(null, NOW)).toBeNull();
  });
});
