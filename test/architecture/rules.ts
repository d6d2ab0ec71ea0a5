import { dirname, join } from "node:path/posix";
import { readSource, type Source } from "./read-source.ts";

/** Paths below src/ to what is in the files. */
export type Files = Readonly<Record<string, string>>;

interface Layer {
  /** Layers and root files it may import besides itself. */
  readonly imports: readonly string[];
  readonly packages: readonly RegExp[];
}

const HONO = [/^hono(\/|$)/, /^@hono\//];
const ZOD = [/^zod$/];
const OBJECTS = { packages: [/^cloudflare:workers$/] };

/** DESIGN.md's import table, and the root files it implies. A row that is missing is a mistake. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  domain: { imports: [], packages: ZOD },
  providers: { imports: ["domain"], packages: [...ZOD, /^oauth4webapi$/, /^aws4fetch$/, /^jose$/] },
  services: { imports: ["domain", "providers"], packages: ZOD },
  adapters: { imports: ["domain"], packages: [] },
  jobs: { imports: ["domain", "services", "deps.ts", "env.ts", "bindings.ts"], packages: [] },
  workflows: { imports: ["domain", "services", "deps.ts", "env.ts", "bindings.ts"], ...OBJECTS },
  "durable-objects": { imports: ["domain", "services", "clock.ts", "deps.ts", "env.ts", "bindings.ts"], ...OBJECTS },
  middleware: { imports: ["domain", "services"], packages: HONO },
  console: { imports: ["domain", "services", "middleware"], packages: HONO },
  routes: { imports: ["domain", "services", "middleware", "console"], packages: HONO },
  "bindings.ts": { imports: [], packages: [] },
  "setting-parsers.ts": { imports: ["domain"], packages: ZOD },
  "env.ts": { imports: ["domain", "providers", "bindings.ts", "setting-parsers.ts"], packages: ZOD },
  "clock.ts": { imports: ["domain"], packages: [] },
  "isolate.ts": { imports: ["domain", "providers", "adapters", "clock.ts", "env.ts", "bindings.ts"], packages: [] },
  "deps.ts": {
    imports: ["domain", "services", "adapters", "clock.ts", "isolate.ts", "env.ts", "bindings.ts"],
    packages: [],
  },
  "cron.ts": { imports: ["jobs", "services"], packages: [] },
  "app.ts": { imports: ["domain", "middleware", "routes"], packages: HONO },
  "index.ts": {
    imports: ["app.ts", "bindings.ts", "cron.ts", "deps.ts", "domain", "durable-objects", "services", "workflows"],
    packages: [/^cloudflare:workers$/],
  },
};

/** What each outside system is spoken to with; everything else in adapters/ has the platform alone. */
const ADAPTER_PACKAGES: Readonly<Record<string, RegExp>> = {
  "adapters/neon/database.ts": /^@neondatabase\/serverless$/,
  "adapters/jwt.ts": /^jose$/,
  "adapters/bcrypt.ts": /^bcryptjs$/,
};

/** An isolate's own memory is no outside system: any adapter may keep things there. */
const ISOLATE_MEMORY = "memory";

/** What code below deps.ts is handed instead of taking. */
const AMBIENT: readonly (readonly [string, RegExp])[] = [
  ["process", /(?<![.\w$])process\s*[.[]/],
  ["the global fetch", /(?<![.\w$])fetch\s*\(|\b(?:globalThis|self)\s*\.\s*fetch\b/],
  ["the clock", /\bDate\s*\.\s*now\b|\bnew\s+Date\s*\(\s*\)|\bperformance\s*\.\s*now\b/],
  ["Math.random", /\bMath\s*\.\s*random\b/],
  ["a timer", /(?<![.\w$])(?:setTimeout|setInterval|setImmediate)\s*\(|\bscheduler\s*\.\s*wait\b/],
];
const RANDOM_BYTES = /\bcrypto\s*\.\s*(?:getRandomValues|randomUUID)\b/;
/** Past the one log, nothing filters what is printed. */
const CONSOLE = /(?<![.\w$])console\s*[.[]/;
const MAY_TAKE_CONSOLE = "adapters/log.ts";
const MAY_TAKE_AMBIENT = new Set(["adapters", "clock.ts", "isolate.ts"]);
/** The request id must exist before the dependencies do, and a page's nonce is no business of theirs. */
const MAY_TAKE_RANDOM_BYTES = new Set([...MAY_TAKE_AMBIENT, "middleware", "console"]);

export const MAX_LINES = 350;
export const MAX_MEDIAN_LINES = 100;
const KEBAB_PATH = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*\.tsx?$/;

/** Every way these files break the architecture, as sentences. */
export function findViolations(files: Files): readonly string[] {
  const sources = new Map(Object.entries(files).map(([path, text]) => [path, readSource(text)]));
  const perFile = [...sources].flatMap(([path, source]) => [
    ...findLayerViolations(path, source),
    ...findShapeViolations(path, source, files[path] ?? ""),
    ...findAmbientUse(path, source),
  ]);
  return [...perFile, ...findCycles(sources), ...findLongMedian(files)];
}

function findLayerViolations(path: string, { imports }: Source): readonly string[] {
  const layer = LAYERS[layerOf(path)];
  if (layer === undefined) return [`${path} is in no layer of DESIGN.md`];
  return imports.flatMap(({ specifier }) => {
    if (specifier === null) return [`${path} imports a computed path`];
    const isAllowed = specifier.startsWith(".")
      ? mayImport(path, layer, resolve(path, specifier))
      : [...layer.packages, ADAPTER_PACKAGES[path]].some((allowed) => allowed?.test(specifier));
    return isAllowed ? [] : [`${path} imports ${specifier}`];
  });
}

function mayImport(path: string, layer: Layer, target: string): boolean {
  if (layerOf(path) !== layerOf(target)) return layer.imports.includes(layerOf(target));
  if (layerOf(path) !== "adapters") return true;
  return [systemOf(path), ISOLATE_MEMORY].includes(systemOf(target));
}

function findShapeViolations(path: string, { code, imports }: Source, text: string): readonly string[] {
  const lines = countLines(text);
  const ownCode = code.replace(/\b(?:import|export)\b[\w$*{},\s]*?(?:\bfrom\s*)?"§\d+";?/g, "").trim();
  const isBarrel = ownCode === "" && imports.some(({ isReExport }) => isReExport);
  const hasDefault = /\bexport\s+default\b|\bas\s+default\b/.test(code);
  return [
    ...(lines > MAX_LINES ? [`${path} has ${lines} lines`] : []),
    ...(KEBAB_PATH.test(path) ? [] : [`${path} is not kebab-case`]),
    ...(isBarrel && path !== "index.ts" ? [`${path} only re-exports`] : []),
    ...(hasDefault && path !== "index.ts" ? [`${path} has a default export`] : []),
  ];
}

function findAmbientUse(path: string, { code }: Source): readonly string[] {
  const layer = layerOf(path);
  const taken = MAY_TAKE_AMBIENT.has(layer) ? [] : AMBIENT.filter(([, pattern]) => pattern.test(code));
  const isRandom = !MAY_TAKE_RANDOM_BYTES.has(layer) && RANDOM_BYTES.test(code);
  const prints = path !== MAY_TAKE_CONSOLE && CONSOLE.test(code);
  const names = [
    ...taken.map(([name]) => name),
    ...(isRandom ? ["random bytes"] : []),
    ...(prints ? ["the console"] : []),
  ];
  return names.map((name) => `${path} takes ${name}`);
}

/** Each cycle once, as the files along it. */
function findCycles(sources: ReadonlyMap<string, Source>): readonly string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt !== -1) cycles.push([...trail.slice(seenAt), path].join(" → "));
    if (seenAt !== -1 || done.has(path)) return;
    for (const { specifier } of sources.get(path)?.imports ?? []) {
      if (specifier?.startsWith(".")) visit(resolve(path, specifier), [...trail, path]);
    }
    done.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
  return cycles.map((cycle) => `cycle: ${cycle}`);
}

function findLongMedian(files: Files): readonly string[] {
  const lengths = Object.values(files)
    .map(countLines)
    .sort((a, b) => a - b);
  const median = lengths[Math.floor(lengths.length / 2)] ?? 0;
  return median > MAX_MEDIAN_LINES ? [`half of the files have more than ${MAX_MEDIAN_LINES} lines`] : [];
}

/** The folder of src/ a file is in, or its own name at the root. */
function layerOf(path: string): string {
  return path.split("/")[0] ?? path;
}

/** The outside system an adapter speaks to: its folder, or itself; `http.ts` and `http/` are one. */
function systemOf(path: string): string {
  return path.split("/")[1]?.replace(/\.tsx?$/, "") ?? path;
}

function resolve(path: string, specifier: string): string {
  return join(dirname(path), specifier);
}

function countLines(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}
