import { describe, expect, test } from "vitest";
import { resolveReturnTo, withResult } from "../../../src/services/consent/return-to.ts";

const SETTINGS = {
  publicUrl: "https://aurora.example",
  frontendUrls: ["https://app.example", "https://admin.example:8443"],
};

describe("a browser is led to", () => {
  test.each([
    [null, "https://aurora.example/connected"],
    ["/", "https://app.example/"],
    ["/settings?tab=cloud#aws", "https://app.example/settings?tab=cloud#aws"],
    ["/a/../b", "https://app.example/b"],
    ["/%2F%2Fevil.example", "https://app.example/%2F%2Fevil.example"],
    ["https://app.example/done", "https://app.example/done"],
    ["https://admin.example:8443/done", "https://admin.example:8443/done"],
    ["https://aurora.example/connected", "https://aurora.example/connected"],
  ])("%s as %s", (raw, expected) => {
    expect(resolveReturnTo(SETTINGS, raw)).toBe(expected);
  });
});

describe("a browser is not led to", () => {
  test.each([
    "",
    "evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\\\evil.example",
    "/a\\..\\b",
    "/\t/evil.example",
    "/\n/evil.example",
    "/ok\r\nset-cookie: a=b",
    "/ok path",
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)",
    "data:text/html,x",
    "https://evil.example/",
    "http://app.example/",
    "https://app.example.evil.example/",
    "https://app.example@evil.example/",
    "https://user@app.example/",
    "https://app.example:444/",
    "https://admin.example/",
    "https:app.example",
    "https:/app.example/x",
    "https://app.example\\@evil.example/",
    "https://APP.example.",
    " https://app.example/",
    "/é",
    `/${"x".repeat(2000)}`,
  ])("%j", (raw) => {
    expect(() => resolveReturnTo(SETTINGS, raw)).toThrow(expect.objectContaining({ code: "invalid_request" }));
  });

  test.each(["/%0d%0aset-cookie:%20a=b", "/%5c%5cevil.example", "/.//evil.example", "/..//evil.example"])(
    "another host by the encoded or dotted %s",
    (raw) => {
      expect(new URL(resolveReturnTo(SETTINGS, raw)).origin).toBe("https://app.example");
    },
  );
});

test("the result is added to the query and cannot be forged by it", () => {
  const address = withResult("https://app.example/done?login=gcp_success&x=1#here", {
    login: "gcp_failed",
    error: "a&b",
  });
  const url = new URL(address);
  expect([...url.searchParams]).toEqual([
    ["login", "gcp_failed"],
    ["x", "1"],
    ["error", "a&b"],
  ]);
  expect(url.hash).toBe("#here");
});
