import type { Files } from "./rules.ts";

const DEFINER_FUNCTION = /create (?:or replace )?function public\.(\w+)\s*\([^$]*?security definer/gi;

/** The functions that may run before a user is known. */
export function listDefinerFunctions(migrations: readonly string[]): readonly string[] {
  return migrations.flatMap((sql) => [...sql.matchAll(DEFINER_FUNCTION)].map((match) => match[1] ?? ""));
}

/** Every statement that is sent without a context and does more than call a definer function, or has no context to set. */
export function findContextlessStatements(files: Files, definers: readonly string[]): readonly string[] {
  return Object.entries(files).flatMap(([path, text]) => [
    ...listEntries(text).flatMap((entry) => (isAllowedEntry(entry, definers) ? [] : [`${path} enters with ${entry}`])),
    ...[...text.matchAll(/set_config\(\s*'myapp\.\w+'\s*,(?:[^(),]|\([^()]*\))+,\s*(\w+)\s*\)/g)].flatMap((match) =>
      match[1] === "true" ? [] : [`${path} sets a context that outlives its transaction`],
    ),
  ]);
}

/** The first argument of each `.enter(…)`, as the text of its statement. */
function listEntries(text: string): readonly string[] {
  return [...text.matchAll(/\.\s*enter\s*\(\s*(?:sql`([^`]*)`|(\w+)|(.{0,40}))/g)].map((match) => {
    const [, statement, name, other] = match;
    if (statement !== undefined) return statement;
    if (name === undefined) return other ?? "";
    const before = text.slice(0, match.index);
    const declared = [...before.matchAll(new RegExp(`\\bconst ${name}\\b[^=]*= sql\`([^\`]*)\``, "g"))].at(-1);
    return declared?.[1] ?? name;
  });
}

function isAllowedEntry(statement: string, definers: readonly string[]): boolean {
  const flat = statement.replace(/\s+/g, " ").trim();
  if (flat === "select 1") return true;
  if (!/^select /i.test(flat) || /;/.test(flat)) return false;
  const sources = [...flat.matchAll(/\b(?:from|join|into|update|delete)\s+([\w.]+)\s*(\()?/gi)];
  const called = [...flat.matchAll(/\b(\w+)\s*\(/g)].map((match) => match[1] ?? "");
  return (
    called.some((name) => definers.includes(name)) &&
    called.every((name) => name === "set_config" || definers.includes(name)) &&
    sources.every(([, name = "", parenthesis]) => parenthesis === "(" && definers.includes(name))
  );
}
