import { expect, test } from "vitest";
import { toStorable } from "../../src/domain/plain-text.ts";

test("what a provider says is kept without NUL and half characters, at any depth", () => {
  const said = { organization: "A\0cme", list: ["x\ud800", { deep: "\0" }], count: 3, none: null };
  expect(toStorable(said)).toEqual({ organization: "Acme", list: ["x\ufffd", { deep: "" }], count: 3, none: null });
});

test("a backslash followed by u0000 is text like any other", () => {
  expect(toStorable("\\u0000")).toBe("\\u0000");
});
