/** Strings, comments, brackets and the rest; what is between them is white space. */
const TOKEN = /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\/|[{}[\]:,]|[^\s{}[\]:,"/]+/g;

interface Token {
  readonly text: string;
  /** Offset of the first character after it. */
  readonly end: number;
  readonly depth: number;
}

/**
 * `text` with a member added to an object that is a member of the outermost one, comments and layout as they were;
 * `text` itself when it is there; null when `text` is no object, or what should be an object in it is not.
 *
 * @param text  HuJSON: JSON with comments and trailing commas.
 * @param path  The names of the object and of its new member; the first in any case, as Tailscale reads it.
 * @param value JSON text.
 * @see https://github.com/tailscale/hujson
 */
export function addMember(text: string, path: readonly [string, string], value: string): string | null {
  const [outer, inner] = path;
  const tokens = readTokens(text);
  const first = tokens[0];
  if (first?.text !== "{") return null;
  const at = tokens.findIndex((token, index) => isName(tokens, index, 1) && sameName(token.text, outer));
  const member = `${JSON.stringify(inner)}: ${value},`;
  if (at === -1) return insert(text, first.end, `\n\t${JSON.stringify(outer)}: {${member}},`);
  const opening = tokens[at + 2];
  if (opening?.text !== "{") return null;
  for (let index = at + 3; (tokens[index]?.depth ?? 0) > opening.depth; index += 1) {
    if (isName(tokens, index, 2) && tokens[index]?.text === JSON.stringify(inner)) return text;
  }
  // A trailing comma is allowed, so the new member can always come first.
  return insert(text, opening.end, `\n\t\t${member}`);
}

function readTokens(text: string): readonly Token[] {
  let depth = 0;
  const tokens: Token[] = [];
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token.startsWith("//") || token.startsWith("/*")) continue;
    if (token === "}" || token === "]") depth -= 1;
    tokens.push({ text: token, end: index + token.length, depth });
    if (token === "{" || token === "[") depth += 1;
  }
  return tokens;
}

function isName(tokens: readonly Token[], index: number, depth: number): boolean {
  const token = tokens[index];
  return token?.depth === depth && token.text.startsWith('"') && tokens[index + 1]?.text === ":";
}

function sameName(quoted: string, name: string): boolean {
  return quoted.slice(1, -1).toLowerCase() === name.toLowerCase();
}

function insert(text: string, at: number, addition: string): string {
  return `${text.slice(0, at)}${addition}${text.slice(at)}`;
}
