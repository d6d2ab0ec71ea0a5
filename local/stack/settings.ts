import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { SETTING_NAMES } from "../../src/bindings.ts";
import { describeFailure, StartError } from "./start-error.ts";

/** Settings by name. */
export type Settings = Readonly<Record<string, string>>;

/** `DATABASE_ADMIN_URL` is for migrating alone; the Worker never sees it. */
export const LOCAL_NAMES = [...SETTING_NAMES, "DATABASE_ADMIN_URL"] as const;

/**
 * What the person running it has set: `.dev.vars`, overlaid by the environment. An empty value unsets.
 *
 * @throws StartError when the file is there and cannot be read.
 */
export function readGivenSettings(devVarsFile: string, environment: NodeJS.ProcessEnv): Settings {
  const fromEnvironment = LOCAL_NAMES.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const known: readonly string[] = LOCAL_NAMES;
  const all = { ...readDevVars(devVarsFile), ...Object.fromEntries(fromEnvironment) };
  return Object.fromEntries(Object.entries(all).filter(([name, value]) => known.includes(name) && value !== ""));
}

function readDevVars(file: string): Settings {
  try {
    return parseEnv(readFileSync(file, "utf8")) as Settings;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw new StartError(`${file} cannot be read (${describeFailure(error)}).`);
  }
}

/**
 * `NAME='value'` lines that dotenv reads back exactly: no quote expands `$`, and the value picks the quote.
 *
 * @throws StartError for a value that holds every kind of quote.
 */
export function formatDevVars(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${quote(name, value)}\n`)
    .join("");
}

function quote(name: string, value: string): string {
  const mark = ["'", "`"].find((candidate) => !value.includes(candidate));
  if (mark === undefined) throw new StartError(`${name} holds both ' and \`, which a .dev.vars file cannot carry.`);
  return `${mark}${value}${mark}`;
}
