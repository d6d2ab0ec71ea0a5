/** The five entities XML itself defines; the answers read here use no others. */
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * The text of the one element at `path`, e.g. `["ErrorResponse", "Error", "Code"]`; null when it is absent, empty, there
 * twice or holds elements.
 *
 * For small answers of a known shape only: a document with comments, CDATA or a document type reads as null.
 */
export function readXmlText(xml: string, path: readonly string[]): string | null {
  if (xml.includes("<!")) return null;
  let inner: string | null = xml;
  for (const name of path) inner = inner === null ? null : readElement(inner, name);
  if (inner === null || inner.includes("<")) return null;
  return decode(inner.trim());
}

/** What is between the tags of the only element of that name. */
function readElement(xml: string, name: string): string | null {
  const opening = [...xml.matchAll(new RegExp(`<${name}(?:\\s[^<>]*)?>`, "g"))];
  const [first] = opening;
  const closing = `</${name}>`;
  const end = xml.indexOf(closing);
  if (opening.length !== 1 || first === undefined || end < first.index || xml.indexOf(closing, end + 1) !== -1)
    return null;
  return xml.slice(first.index + first[0].length, end);
}

function decode(text: string): string | null {
  const decoded = text.replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
  return decoded === "" ? null : decoded;
}
