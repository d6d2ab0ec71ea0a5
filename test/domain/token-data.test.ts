import { describe, expect, test } from "vitest";
import { requireId } from "../../src/domain/ids.ts";
import { epochSeconds } from "../../src/domain/time.ts";
import {
  credentialOf,
  expiryOf,
  grantOf,
  issuedAtOf,
  readCredential,
  stampSecret,
} from "../../src/domain/token-data.ts";

describe("expires_at", () => {
  test.each([
    [1_800_000_000, 1_800_000_000],
    [1_800_000_000.9, 1_800_000_000],
    ["1800000000", 1_800_000_000],
    ["1800000000.25", 1_800_000_000],
  ])("%j is read as %d", (expires_at, expected) => {
    expect(expiryOf({ expires_at })).toBe(expected);
  });

  test.each([
    [undefined],
    [null],
    [""],
    ["soon"],
    [0],
    [-1],
    ["-5"],
    [Number.NaN],
    [Infinity],
    [1e300],
    [{}],
    [[1]],
    [true],
  ])("%j is unknown, and nothing throws", (expires_at) => {
    expect(expiryOf({ expires_at })).toBeNull();
  });
});

describe("issued_at", () => {
  test("is what we stamped", () => {
    const grant = requireId("grt", `grt_${"1".repeat(32)}`);
    const stamped = stampSecret({ expires_at: 1_800_009_000 }, grant, epochSeconds(1_800_000_000));
    expect(issuedAtOf(stamped)).toBe(1_800_000_000);
    expect(grantOf(stamped)).toBe(grant);
  });

  test("is taken to be an hour before expiry for a secret another system wrote", () => {
    expect(issuedAtOf({ expires_at: 1_800_003_600 })).toBe(1_800_000_000);
  });

  test.each([[{}], [{ expires_at: 10 }], [{ issued_at: "never" }]])("of %j is never before 1970", (secret) => {
    expect(issuedAtOf(secret)).toBe(0);
  });
});

describe("a credential", () => {
  const secret = {
    access_token: "a",
    refresh_token: "r",
    client_secret: "c",
    grant: "grt_1",
    expires_at: 1_800_000_000,
  };

  test("shows only what is exposed", () => {
    expect(credentialOf(secret, 3, ["access_token", "scope"])).toMatchObject({
      tokenData: { access_token: "a" },
      version: 3,
    });
    expect(JSON.stringify(credentialOf(secret, 3, ["access_token"]))).not.toMatch(/"r"|"c"|grt_1/);
  });

  test("shows nothing when nothing is exposed", () => {
    expect(credentialOf(secret, 1, []).tokenData).toEqual({});
  });

  test("comes back from a cache as it went in", () => {
    const credential = credentialOf(secret, 3, ["access_token"]);
    expect(readCredential(JSON.parse(JSON.stringify(credential)))).toEqual(credential);
    const timeless = { ...credential, expiresAt: null };
    expect(readCredential(JSON.parse(JSON.stringify(timeless)))).toEqual(timeless);
  });

  test.each([
    [null],
    ["text"],
    [[]],
    [{}],
    [{ tokenData: {}, issuedAt: 1 }],
    [{ tokenData: {}, version: 1 }],
    [{ tokenData: "x", issuedAt: 1, version: 1 }],
    [{ tokenData: [], issuedAt: 1, version: 1 }],
    [{ tokenData: {}, issuedAt: 1, version: "1" }],
  ])("is not read from %j", (value) => {
    expect(readCredential(value)).toBeNull();
  });
});
