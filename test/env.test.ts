import { beforeEach, describe, expect, test } from "vitest";
import type { Bindings } from "../src/bindings.ts";
import { readEnv } from "../src/env.ts";

const KEY = btoa("k".repeat(32));
const GOOD = {
  ENVIRONMENT: "development",
  PUBLIC_URL: "https://aurora.example",
  DATABASE_URL: "postgres://aurora_app:pw@db.example/aurora",
  VAULT_ADDR: "https://vault.example",
  VAULT_TOKEN: "t",
  JWT_SECRET_KEY: "j".repeat(48),
  CACHE_SEALING_KEYS: KEY,
};

/** The problems of the last reading. */
const reported: string[] = [];

/** Only the text settings matter here. */
function read(change: Record<string, string | undefined> = {}) {
  return readEnv({ ...GOOD, ...change } as unknown as Bindings, (problems) => void reported.push(...problems));
}

describe("settings", () => {
  beforeEach(() => {
    reported.length = 0;
  });

  test("that are right are read, with the defaults for the rest", () => {
    const { config } = read();
    expect(config).toMatchObject({
      frontendUrls: ["https://aurora.example"],
      registration: "first",
      hotCacheSeconds: 5,
    });
    expect(config.limits.login_account).toEqual({ limit: 5, windowSeconds: 60 });
  });

  test("an environment that is not named is production", () => {
    expect(read({ ENVIRONMENT: undefined }).config.environment).toBe("production");
  });

  test("an empty setting counts as unset", () => {
    expect(read({ VAULT_KV_BASE_PATH: "", JWT_EXPIRY_HOURS: "" }).config).toMatchObject({
      vaultBasePath: "users",
      jwtExpiryHours: 24,
    });
  });

  test.each([
    ["30", 30],
    ["3650", 3650],
    [undefined, 365],
    ["", 365],
  ])("AUDIT_RETENTION_DAYS=%s keeps audit events for %i days", (days, kept) => {
    expect(read({ AUDIT_RETENTION_DAYS: days }).config.auditRetentionDays).toBe(kept);
  });

  test.each(["29", "3651", "0", "-365", "30.5", "1e3", "a year"])(
    "AUDIT_RETENTION_DAYS=%s is refused in a sentence",
    (days) => {
      expect(() => read({ AUDIT_RETENTION_DAYS: days })).toThrow(expect.objectContaining({ code: "misconfigured" }));
      expect(reported).toEqual(["AUDIT_RETENTION_DAYS must be a whole number from 30 to 3650"]);
    },
  );

  test("limits are written as a number, in the seed's notation or whole", () => {
    const RATE_LIMITS = '{"connect": 7, "token_read": "9/second", "principal": {"limit": 3, "windowSeconds": 2}}';
    expect(read({ RATE_LIMITS }).config.limits).toMatchObject({
      connect: { limit: 7, windowSeconds: 60 },
      token_read: { limit: 9, windowSeconds: 1 },
      principal: { limit: 3, windowSeconds: 2 },
    });
  });

  test.each([
    ["a signing key of 31 characters", { JWT_SECRET_KEY: "j".repeat(31) }],
    ["the example's signing key", { JWT_SECRET_KEY: "replace-me-with-32-or-more-random-characters" }],
    ["no signing key", { JWT_SECRET_KEY: undefined }],
    ["a signing key that seals as well", { JWT_SECRET_KEY: KEY }],
    ["a short earlier signing key", { JWT_PREVIOUS_SECRET_KEYS: `${"k".repeat(40)},short` }],
    ["a sealing key of 16 bytes", { CACHE_SEALING_KEYS: btoa("k".repeat(16)) }],
    ["no login to Vault", { VAULT_TOKEN: undefined }],
    ["half a login to Vault", { VAULT_TOKEN: undefined, VAULT_ROLE_ID: "r" }],
    ["no address of Vault", { VAULT_ADDR: undefined }],
    ["a database that is not Postgres", { DATABASE_URL: "mysql://db.example/aurora" }],
    ["9 rounds of bcrypt", { BCRYPT_ROUNDS: "9" }],
    ["13 rounds of bcrypt", { BCRYPT_ROUNDS: "13" }],
    ["an answer repeated for more than five seconds", { HOT_CACHE_SECONDS: "6" }],
    ["an operator that is no workspace", { OPERATOR_WORKSPACE_ID: "wsp_unauthenticated" }],
    ["a limit nobody knows", { RATE_LIMITS: '{"conect": 1}' }],
    ["limits that are not JSON", { RATE_LIMITS: "connect=1" }],
    ["a public address with a password", { PUBLIC_URL: "https://me:pw@aurora.example" }],
    [
      "stand-ins in production",
      { ENVIRONMENT: "production", PROVIDER_ORIGINS: '{"https://a.example":"https://b.example"}' },
    ],
    ["plain http to Vault in production", { ENVIRONMENT: "production", VAULT_ADDR: "http://vault:8200" }],
    ["a plain public address in production", { ENVIRONMENT: "production", PUBLIC_URL: "http://aurora.example" }],
  ])("refuse %s, and the log names the setting but no value", (_, change) => {
    expect(() => read(change)).toThrow(expect.objectContaining({ code: "misconfigured" }));
    expect(reported).not.toEqual([]);
    const secrets = Object.values(change).filter((value) => value !== undefined && value.length > 10);
    for (const value of secrets) expect(reported.join("\n")).not.toContain(value);
    expect(reported.join("\n")).toMatch(/[A-Z]+_[A-Z]+/);
  });
});
