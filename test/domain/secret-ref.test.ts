import { describe, expect, test } from "vitest";
import { createSecretRef, parseSecretRef, secretName } from "../../src/domain/secret-ref.ts";

const USER = `usr_${"a".repeat(32)}`;

describe("a reference", () => {
  test("is the seed's form", () => {
    const name = secretName("dev", USER, "gcp", null);
    expect(createSecretRef("aurora", "users", name)).toBe(`vault:kv/data/aurora/users/aurora-dev-${USER}-gcp-token`);
  });

  test("carries a suffix before its last word", () => {
    expect(secretName("prod", USER, "aws", "0123456789abcdef")).toBe(`aurora-prod-${USER}-aws-0123456789abcdef-token`);
  });

  test.each([
    ["users", "aurora-dev-x-gcp-token"],
    ["a/b/c", "name"],
  ])("under %s is read as it was built", (basePath, name) => {
    const ref = createSecretRef("aurora", basePath, name);
    expect(parseSecretRef(ref, "aurora")).toEqual({ mount: "aurora", path: `${basePath}/${name}` });
  });

  test("of the older form is read", () => {
    expect(parseSecretRef(`vault:kv/data/aurora/users/${USER}/gcp`, "aurora").path).toBe(`users/${USER}/gcp`);
  });
});

describe("a reference is not built", () => {
  test.each([
    "",
    ".",
    "..",
    "a/b",
    "a b",
    "a%2fb",
    "%2e%2e",
    "a*",
    "a\\b",
    "a\u2215b",
    "a\u0000",
    "é",
    "a?b",
    "a#b",
    "x".repeat(201),
  ])("from the name %j", (name) => {
    expect(() => createSecretRef("aurora", "users", name)).toThrow(RangeError);
  });

  test.each(["", "/users", "users/", "a//b", "..", "users/../admin"])("from the base path %j", (basePath) => {
    expect(() => createSecretRef("aurora", basePath, "name")).toThrow(RangeError);
  });

  test.each(["", "..", "a/b"])("from the mount %j", (mount) => {
    expect(() => createSecretRef(mount, "users", "name")).toThrow(RangeError);
  });
});

describe("a row that was edited by hand reads as absent when it names", () => {
  test.each([
    ["another mount", "vault:kv/data/other/users/x"],
    ["the mount in capitals", "vault:kv/data/Aurora/users/x"],
    ["nothing below the base path", "vault:kv/data/aurora/users"],
    ["the mount alone", "vault:kv/data/aurora"],
    ["a parent", "vault:kv/data/aurora/users/../sys"],
    ["an encoded parent", "vault:kv/data/aurora/users/%2e%2e/sys"],
    ["an encoded slash", "vault:kv/data/aurora/users/a%2fb"],
    ["an empty segment", "vault:kv/data/aurora//users/x"],
    ["an end without a name", "vault:kv/data/aurora/users/"],
    ["metadata", "vault:kv/metadata/aurora/users/x"],
    ["another scheme", "https://vault.example/v1/aurora/data/x"],
    ["a space before", " vault:kv/data/aurora/users/x"],
    ["a line end", "vault:kv/data/aurora/users/x\n"],
    ["a query", "vault:kv/data/aurora/users/x?version=1"],
    ["a wildcard", "vault:kv/data/aurora/users/*"],
    ["4 KB", `vault:kv/data/aurora/users/${"x".repeat(4096)}`],
    ["nothing", ""],
  ])("%s", (_, raw) => {
    expect(() => parseSecretRef(raw, "aurora")).toThrow(expect.objectContaining({ code: "not_found" }));
  });
});
