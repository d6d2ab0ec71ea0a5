import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";

/**
 * Reads every file below `directory` and says which holds which needle, as bytes, in base64 or in hex.
 *
 * @param skipped Names of folders right below it that are left out.
 * @returns `file: first characters of the needle`, empty when there is none.
 */
export function findInFiles(
  directory: string,
  needles: readonly string[],
  skipped: readonly string[],
): readonly string[] {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !skipped.includes(file.slice(directory.length + 1).split(sep)[0] ?? ""));
  return files.flatMap((file) => {
    const bytes = readFileSync(file);
    return needles
      .filter((needle) => formsOf(needle).some((form) => bytes.includes(form)))
      .map((needle) => {
        return `${file}: ${needle.slice(0, 8)}…`;
      });
  });
}

function formsOf(needle: string): readonly (string | Buffer)[] {
  const bytes = Buffer.from(needle);
  // SQLite keeps text as UTF-8, V8's serialiser some of it in two bytes a character.
  return [
    bytes,
    Buffer.from(needle, "utf16le"),
    bytes.toString("hex"),
    bytes.toString("base64").replace(/=+$/, "").slice(0, -1),
  ];
}
