import { hash as hashByBcrypt } from "bcryptjs";
import { beforeAll, describe, expect, test } from "vitest";
import { createPasswordHasher } from "../../src/adapters/bcrypt.ts";

/** The lowest cost there is: these tests are about what is compared, not about how long it takes. */
const hasher = createPasswordHasher(4);
const PASSWORD = "correct horse battery";
let stored: string;
beforeAll(async () => {
  stored = await hasher.hash(PASSWORD);
});

describe("a password", () => {
  test("matches its own hash", async () => {
    expect(await hasher.matches(PASSWORD, stored)).toBe(true);
  });

  test("never has the same hash twice", async () => {
    expect(await hasher.hash(PASSWORD)).not.toBe(stored);
  });

  test("is hashed at the cost that was asked for", () => {
    expect(stored).toMatch(/^\$2b\$04\$/);
  });

  test("of another implementation matches", async () => {
    const hash = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    expect(await hasher.matches("a", hash)).toBe(false);
    expect(await hasher.matches(PASSWORD, stored.replace("$2b$", "$2a$"))).toBe(true);
  });

  test.each(["correct horse", "Correct horse battery", " correct horse battery", "correct horse battery\0", ""])(
    "that is %j does not match",
    async (password) => {
      expect(await hasher.matches(password, stored)).toBe(false);
    },
  );

  test("with a NUL is not cut there", async () => {
    const withNul = await hasher.hash("same start\0one");
    expect(await hasher.matches("same start\0one", withNul)).toBe(true);
    expect(await hasher.matches("same start\0two", withNul)).toBe(false);
    expect(await hasher.matches("same start", withNul)).toBe(false);
  });

  test("longer than 72 bytes never matches, though bcrypt would see no difference", async () => {
    const longest = "a".repeat(72);
    const hash = await hashByBcrypt(longest, 4);
    expect(await hasher.matches(longest, hash)).toBe(true);
    expect(await hasher.matches(`${longest}b`, hash)).toBe(false);
    expect(await hasher.matches("é".repeat(40), await hashByBcrypt("é".repeat(36), 4))).toBe(false);
  });

  test("that is not well-formed text gives an answer, not a failure", async () => {
    expect(await hasher.matches("\ud800 lone surrogate", stored)).toBe(false);
  });
});

describe("nobody's password", () => {
  test("does not match, whatever it is", async () => {
    for (const password of ["", PASSWORD, "a".repeat(100_000)])
      expect(await hasher.matches(password, null)).toBe(false);
  });

  test.each([
    "",
    "plain text",
    "$2b$04$",
    `$2b$31$${"a".repeat(53)}`,
    `$2x$04$${"a".repeat(53)}`,
    `$argon2id$${"a".repeat(53)}`,
    `$2b$04$${"a".repeat(52)}!`,
  ])("a stored hash that is %j never matches and never costs more", async (hash) => {
    expect(await hasher.matches(PASSWORD, hash)).toBe(false);
  });

  test("costs as much as somebody's", async () => {
    const costly = createPasswordHasher(9);
    const hash = await costly.hash(PASSWORD);
    const time = async (against: string | null) => {
      const start = performance.now();
      for (let tries = 0; tries < 3; tries += 1) await costly.matches("a wrong one", against);
      return performance.now() - start;
    };
    await time(null);
    const ratio = (await time(null)) / (await time(hash));
    // Wide, since the machine is shared; without the dummy comparison it is a thousandth.
    expect(ratio).toBeGreaterThan(0.4);
    expect(ratio).toBeLessThan(2.5);
  });
});
