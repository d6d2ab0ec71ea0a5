/** One import of a source file. */
export interface Import {
  /** As written: `./x.ts`, `zod`, `cloudflare:workers`; null when `import()` is given something computed. */
  readonly specifier: string | null;
  readonly isReExport: boolean;
}

/** A source file without its comments, and with its texts out of the way of pattern matching. */
export interface Source {
  /** Code only: each quoted text is `"§n"`, each template is empty but for its `${…}`. */
  readonly code: string;
  readonly imports: readonly Import[];
}

/** After one of these a slash begins a regular expression, not a division. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?;+*%{~>]|\b(?:return|typeof|case|in|of|do|else|void|throw|await|yield))\s*$/;
const REGEX = /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/;
const QUOTED = /^(["'])(?:\\.|(?!\1)[^\\\n])*\1/;

/** Reads what a file imports, wherever and however: static, for effect, dynamic, of a type, and `export … from`. */
export function readSource(text: string): Source {
  const source = known.get(text) ?? parseSource(text);
  known.set(text, source);
  return source;
}

/** A planted file changes one of hundreds; the others are read once. */
const known = new Map<string, Source>();

function parseSource(text: string): Source {
  const texts: string[] = [];
  const { code } = blank(text, 0, texts, false);
  const textAt = (index: string | undefined) => texts[Number(index)] ?? "";
  const statics = [...code.matchAll(/\b(import|export)\b(?:[\w$*{},\s]*?\bfrom)?\s*"§(\d+)"/g)].map((match) => ({
    specifier: textAt(match[2]),
    isReExport: match[1] === "export",
  }));
  const dynamics = [...code.matchAll(/\b(?:import|require)\s*\(\s*(?:"§(\d+)"\s*[,)])?/g)].map((match) => ({
    specifier: match[1] === undefined ? null : textAt(match[1]),
    isReExport: false,
  }));
  return { code, imports: [...statics, ...dynamics] };
}

/** @param isNested Inside a template's `${…}`: ends at the brace that closes it. */
function blank(text: string, start: number, texts: string[], isNested: boolean): { code: string; end: number } {
  let code = "";
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const rest = text.slice(at);
    const quoted = QUOTED.exec(rest)?.[0];
    const regex = text[at] === "/" && BEFORE_REGEX.test(code.slice(-200)) ? REGEX.exec(rest)?.[0] : undefined;
    if (rest.startsWith("//")) {
      at += rest.search(/\n|$/);
    } else if (rest.startsWith("/*")) {
      const end = text.indexOf("*/", at);
      at = end === -1 ? text.length : end + 2;
    } else if (quoted !== undefined) {
      texts.push(quoted.slice(1, -1));
      code += `"§${texts.length - 1}"`;
      at += quoted.length;
    } else if (text[at] === "`") {
      const template = blankTemplate(text, at + 1, texts);
      code += `\`${template.code}\``;
      at = template.end;
    } else if (regex !== undefined) {
      code += "/ /";
      at += regex.length;
    } else {
      if (text[at] === "{") depth += 1;
      if (text[at] === "}" && isNested && depth === 0) return { code, end: at };
      if (text[at] === "}") depth -= 1;
      code += text[at];
      at += 1;
    }
  }
  return { code, end: at };
}

/** @param start Just behind the opening backtick. */
function blankTemplate(text: string, start: number, texts: string[]): { code: string; end: number } {
  let code = "";
  let at = start;
  while (at < text.length && text[at] !== "`") {
    if (text[at] === "\\") {
      at += 2;
    } else if (text.startsWith("${", at)) {
      const inner = blank(text, at + 2, texts, true);
      code += `\${${inner.code}}`;
      at = inner.end + 1;
    } else {
      at += 1;
    }
  }
  return { code, end: at + 1 };
}
