import { describe, expect, test } from "vitest";
import { createApiKeySecret, createKeyPrefix, isApiKeySecret } from "../../src/domain/api-key.ts";
import { emailField, nameField } from "../../src/domain/identity-fields.ts";
import { findPasswordProblem, fitsBcrypt } from "../../src/domain/password-rules.ts";
import { toPlainText } from "../../src/domain/plain-text.ts";
import { randomBytes } from "../support/random-bytes.ts";

describe("a new password", () => {
  test.each(["12345678", "a".repeat(72), "é".repeat(36), "🙂🙂🙂🙂🙂🙂🙂🙂", "       8", "with\0nul--"])(
    "%j may be used",
    (password) => {
      expect(findPasswordProblem(password)).toBeNull();
    },
  );

  test.each([
    ["", "at least 8"],
    ["1234567", "at least 8"],
    ["🙂🙂🙂🙂", "at least 8"],
    ["a".repeat(73), "at most 72 bytes"],
    ["é".repeat(37), "at most 72 bytes"],
    ["🙂".repeat(19), "at most 72 bytes"],
    ["a".repeat(1_000_000), "at most 72 bytes"],
    ["12345678\ud800", "must be text"],
  ])("%j is refused in words", (password, words) => {
    expect(findPasswordProblem(password)).toContain(words);
  });

  test("the limit is bytes, whatever the script", () => {
    expect(fitsBcrypt("é".repeat(36))).toBe(true);
    expect(fitsBcrypt(`${"é".repeat(36)}a`)).toBe(false);
  });
});

describe("an API key", () => {
  test("is recognised by its form, and so is what is none", () => {
    const key = createApiKeySecret(randomBytes);
    expect(isApiKeySecret(key)).toBe(true);
    const wrong = [
      key.slice(0, -1),
      `${key}a`,
      `${key}\n`,
      ` ${key}`,
      key.replace("aurora", "Aurora"),
      `${key}, ${key}`,
      "",
    ];
    for (const raw of wrong) expect(isApiKeySecret(raw)).toBe(false);
  });

  test("holds 256 bits without padding or characters a URL would change", () => {
    expect(createApiKeySecret(() => new Uint8Array(32).fill(255))).toBe(`aurora_${"_".repeat(42)}8`);
  });

  test("has a prefix that is not derived from it", () => {
    expect(createKeyPrefix(() => new Uint8Array(6).fill(171))).toBe("ak_abababababab");
    const asked: number[] = [];
    const random = (bytes: number) => {
      asked.push(bytes);
      return randomBytes(bytes);
    };
    expect(createApiKeySecret(random)).not.toContain(createKeyPrefix(random).slice(3));
    expect(asked).toEqual([32, 6]);
  });
});

describe("an email", () => {
  test("is compared in lower case", () => {
    expect(emailField.parse("Ada.Lovelace@Example.COM")).toBe("ada.lovelace@example.com");
  });

  test.each([
    "",
    "ada",
    "ada@",
    "@example.com",
    " ada@example.com",
    "ada@example.com\n",
    `${"a".repeat(250)}@b.co`,
    7,
    null,
  ])("%j is refused", (raw) => {
    expect(emailField.safeParse(raw).success).toBe(false);
  });
});

describe("a name", () => {
  test.each(["Ada", "Ada Lovelace", "李", "O'Neill <admin>", "a".repeat(100)])("%j is kept as it is", (name) => {
    expect(nameField.parse(name)).toBe(name);
  });

  test.each(["", "  ", "a\nb", "a\0", "\u001b[31m", "\u0085", "\ud800", "a".repeat(101), 5])(
    "%j is refused",
    (name) => {
      expect(nameField.safeParse(name).success).toBe(false);
    },
  );
});

describe("text from outside that is kept", () => {
  test("loses control characters and what is too long", () => {
    expect(toPlainText("curl/8\r\nSet-Cookie: x\u0000", 256)).toBe("curl/8Set-Cookie: x");
    expect(toPlainText("a".repeat(300), 256)).toHaveLength(256);
    expect(toPlainText("🙂🙂", 3)?.isWellFormed()).toBe(true);
  });

  test("is absent when nothing is left", () => {
    for (const raw of [null, "", "\n\t", "   "]) expect(toPlainText(raw, 256)).toBeNull();
  });
});
