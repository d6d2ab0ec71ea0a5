import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serialize } from "node:v8";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSearch, findInFiles } from "./find-in-files.ts";

const SECRET = 'a "secret"/with+marks';
const search = createSearch(["another secret", SECRET]);

test.each<[string, string | Buffer]>([
  ["as it is", `xx${SECRET}yy`],
  ["in JSON", JSON.stringify({ a: SECRET })],
  ["in a query", `?a=${encodeURIComponent(SECRET)}&b`],
  ["in hex", Buffer.from(`x${SECRET}`).toString("hex")],
  ["in UTF-16", Buffer.from(`x${SECRET}`, "utf16le")],
  ["in base64", Buffer.from(SECRET).toString("base64")],
  ["in base64, after one byte", Buffer.from(`x${SECRET}y`).toString("base64")],
  ["in base64, after two bytes", Buffer.from(`xx${SECRET}y`).toString("base64url")],
  ["in base64url, after three bytes", Buffer.from(`xxx${SECRET}ÿÿ`).toString("base64url")],
  ["in what V8 writes", serialize({ a: `ÿ${SECRET}` })],
  ["in what V8 writes in two bytes a character", serialize({ a: `€${SECRET}` })],
])("a secret is found %s", (_, text) => {
  expect([...search(Buffer.from(text))]).toEqual([SECRET]);
});

test.each([SECRET.slice(1), SECRET.slice(0, -1), SECRET.replace("secret", "Secret"), ""])(
  "%j is not taken for it",
  (text) => {
    expect([...search(Buffer.from(text))]).toEqual([]);
  },
);

test("what is too short to mean anything is refused", () => {
  expect(() => createSearch(["token"])).toThrow("too short");
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "aurora-find-"));
  for (const name of ["kept/deep", "skipped"]) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "kept/deep/file"), `xx${SECRET}`);
  writeFileSync(join(folder, "skipped/file"), SECRET);
  writeFileSync(join(folder, "other"), "nothing");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every file is searched but those left out, and a finding does not repeat the secret", () => {
  expect(findInFiles(folder, search, ["skipped"])).toEqual([`kept/deep/file: a "secre…`]);
});

test("what goes away before its turn has nothing in it", () => {
  const passing = mkdtempSync(join(tmpdir(), "aurora-find-"));
  try {
    for (const name of ["a", "b"]) writeFileSync(join(passing, name), SECRET);
    const searchOnce = (bytes: Buffer) => {
      for (const name of ["a", "b"]) rmSync(join(passing, name), { force: true });
      return search(bytes);
    };
    expect(findInFiles(passing, searchOnce, [])).toHaveLength(1);
  } finally {
    rmSync(passing, { recursive: true, force: true });
  }
});
