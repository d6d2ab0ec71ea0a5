import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { expect, test } from "vitest";
import { LOCAL_NAMES } from "../local/stack/settings.ts";

const example = readFileSync(join(import.meta.dirname, "../.dev.vars.example"), "utf8");
const shown = [...example.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map((match) => match[1]);

test.each(LOCAL_NAMES)(".dev.vars.example explains %s once", (name) => {
  expect(shown.filter((entry) => entry === name)).toHaveLength(1);
  const before = example.split(new RegExp(`^#?${name}=`, "m"))[0] ?? "";
  const paragraph = before.split("\n\n").at(-1) ?? "";
  expect(paragraph).toMatch(/^# \S/m);
});

test(".dev.vars.example shows nothing that is not a setting", () => {
  const known: readonly (string | undefined)[] = LOCAL_NAMES;
  expect(shown.filter((name) => !known.includes(name))).toEqual([]);
});

test(".dev.vars.example can be copied as it is, and holds no secret but the one that is refused", () => {
  expect(parseEnv(example)).toEqual({ JWT_SECRET_KEY: "replace-me-with-32-or-more-random-characters" });
});
