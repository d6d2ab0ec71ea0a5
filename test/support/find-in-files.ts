import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";

/** Says which of the needles it was made for are in some bytes, in whatever form. */
export type Search = (bytes: Buffer) => ReadonlySet<string>;

/** Shorter ones are in everything. */
const MIN_BYTES = 8;

/**
 * Looks for texts as they are, percent-escaped, escaped in JSON, in UTF-16, in hex and in base64, also in the middle
 * of something longer that was encoded. One pass over the bytes, however many needles there are.
 *
 * @throws when a needle is shorter than 8 bytes.
 */
export function createSearch(needles: readonly string[]): Search {
  const short = needles.find((needle) => Buffer.byteLength(needle) < MIN_BYTES);
  if (short !== undefined) throw new Error(`"${short}" is too short to look for`);
  const forms = needles.flatMap((needle) => formsOf(needle).map((form) => ({ needle, form })));
  const byStart = Map.groupBy(forms, ({ form }) => form.readUInt32LE(0));
  // Most places begin no needle: two bytes tell, without asking the map.
  const isStart = new Uint8Array(0x10000);
  for (const { form } of forms) isStart[form.readUInt16LE(0)] = 1;

  return (bytes) => {
    const found = new Set<string>();
    for (let at = 0; at + MIN_BYTES <= bytes.length; at += 1) {
      if (isStart[(bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)] === 0) continue;
      for (const { needle, form } of byStart.get(bytes.readUInt32LE(at)) ?? []) {
        if (bytes.subarray(at, at + form.length).equals(form)) found.add(needle);
      }
    }
    return found;
  };
}

/**
 * Searches every file below `directory` that is there when its turn comes.
 *
 * @param skipped Names right below it that are left out.
 * @returns `file: first characters of the needle`, empty when there is none.
 */
export function findInFiles(directory: string, search: Search, skipped: readonly string[]): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((file) => !skipped.includes(file.split(sep)[0] ?? ""))
    .flatMap((file) => describeFound(file, search(readStanding(join(directory, file)))));
}

/** A database that is closed meanwhile takes its journal away: what is gone keeps no secret. */
function readStanding(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

/** Names a finding without repeating the whole secret. */
export function describeFound(place: string, found: ReadonlySet<string>): readonly string[] {
  return [...found].map((needle) => `${place}: ${needle.slice(0, MIN_BYTES)}…`);
}

function formsOf(needle: string): readonly Buffer[] {
  const bytes = Buffer.from(needle);
  const inBase64 = [0, 1, 2].map((shift) => toBase64(bytes, shift));
  const texts = [
    needle,
    encodeURIComponent(needle),
    JSON.stringify(needle).slice(1, -1),
    bytes.toString("hex"),
    ...inBase64,
    ...inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ];
  // SQLite keeps text as UTF-8, V8's serialiser some of it in two bytes a character.
  return [...[...new Set(texts)].map((text) => Buffer.from(text)), Buffer.from(needle, "utf16le")];
}

/** The characters that stand for nothing but these bytes, when `shift` others came before them. */
function toBase64(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
}
